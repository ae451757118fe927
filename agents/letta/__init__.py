"""Agents in Letta, through letta-client: the runtime, the host, and what they are told.

Only the options are named here, so that reading them costs no import time; the rest is in
`agents.letta.runtime` (`LettaRuntime`), `agents.letta.host` (`LettaHost`) and
`agents.letta.client` (`open_letta`, which brings them together).
"""

from agents.letta.options import AgentSpec, BlockSpec, LettaOptions

__all__ = ["AgentSpec", "BlockSpec", "LettaOptions"]
