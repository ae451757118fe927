"""The terminal as a platform, and a terminal for the web door of a Postern that already runs."""
