"""How an agent that was woken says that it has nothing to say."""

from __future__ import annotations

SILENT = "<silent/>"
"""What an agent answers a wakeup with when it has nothing to say; exactly this posts nothing."""

SILENCE_NOTE = (
    "Whatever you answer is posted to the conversation. If there is nothing worth saying, answer "
    f"exactly {SILENT} and nothing is posted."
)
"""What stands at the end of every wakeup."""
