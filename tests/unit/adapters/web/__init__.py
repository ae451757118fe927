"""The pure parts of the web door, and the queues of its pages."""
