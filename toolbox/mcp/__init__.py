"""Tools that agents call from outside of a turn, over MCP. The protocol is not here."""

from toolbox.mcp.agents import AgentParts, agent_tools
from toolbox.mcp.code import code_tools
from toolbox.mcp.filesystem import filesystem_tools
from toolbox.mcp.web import WebOptions, web_tools

__all__ = [
    "AgentParts",
    "WebOptions",
    "agent_tools",
    "code_tools",
    "filesystem_tools",
    "web_tools",
]
