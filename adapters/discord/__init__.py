"""Discord as a platform: gateway and HTTP interactions in, REST out."""
