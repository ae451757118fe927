"""Time: triggers, and the ticker that turns due slots into inbound messages."""
