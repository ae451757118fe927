"""What follows from the options where they say nothing. Pure."""

from agents.embedded.options import EmbeddedOptions

OFFLINE_CONTEXT_WINDOW = 32_000


def context_window(options: EmbeddedOptions) -> int:
    """How much the model can see, in tokens."""
    if options.context_window is not None:
        return options.context_window
    return options.model.context_window if options.model else OFFLINE_CONTEXT_WINDOW
