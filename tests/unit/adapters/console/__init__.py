"""The console's pure parts, and its talk over pipes."""
