"""How programs reach the gateway: the admin API. No platform: nobody converses here."""
