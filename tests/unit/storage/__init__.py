"""The stores from inside: what only one of them has."""
