"""The web door: a chat page, a small HTTP interface, and the WebSocket that both stream over."""
