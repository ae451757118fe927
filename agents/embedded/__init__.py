"""A Letta-compatible REST server inside Postern: agents with memory, no account needed.

Only the options live here, so that naming them costs no import time; the server itself is in
`agents.embedded.server` (`create_app`, `serve`).
"""

from agents.embedded.options import EmbeddedOptions, ModelOptions

__all__ = ["EmbeddedOptions", "ModelOptions"]
