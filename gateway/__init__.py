"""The hub: what a message is and how it travels; the spokes plug into its ports."""
