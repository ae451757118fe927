"""Tools of MCP servers elsewhere: found, checked and called as if they were ours.

What such a server says is untrusted: its names, descriptions, schemas and answers are cut to
size and cleaned before a model reads them, and nothing it says chooses where a request goes.
"""
