"""Agents on Letta's App Server, over its WebSocket: the second runtime behind the same ports.

It takes the same options as the REST adapter (`agents.letta.LettaOptions`);
`agents.app_server.client` opens it. What was measured of the server, and what it can not do,
is in docs/letta-compatibility.md.
"""
