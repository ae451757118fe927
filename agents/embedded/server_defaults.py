"""What follows from the options where they say nothing. Pure."""

from agents.embedded.options import EmbeddedOptions

OFFLINE_CONTEXT_WINDOW = 8_000
"""It needs no more than the turn itself; a small window keeps its turns fast."""


def context_window(options: EmbeddedOptions) -> int:
    """How much the model can see, in tokens."""
    if options.context_window is not None:
        return options.context_window
    return options.model.context_window if options.model else OFFLINE_CONTEXT_WINDOW
