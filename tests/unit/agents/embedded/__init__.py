"""Parts of the embedded server, each on its own."""
