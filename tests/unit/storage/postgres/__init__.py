"""What only the Postgres store promises, on a real server."""
