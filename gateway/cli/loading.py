"""Settings and logging for a command: the only place that reads the environment."""

from __future__ import annotations

import logging
import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings import Settings


def load(level: int = logging.WARNING) -> Settings:
    """Read the settings, and set up logging so that it shows none of their secrets."""
    from gateway.settings import load_settings
    from gateway.telemetry import set_up_logging

    settings = load_settings(os.environ)
    set_up_logging(secrets=settings.secrets(), level=level)
    sys.excepthook = _log_crash
    return settings


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Let the traceback of a bug go by the log, which takes secrets out of it."""
    logging.getLogger("postern").critical("crashed", exc_info=(kind, error, trace))
