"""What is deployed, and what its parts do."""
