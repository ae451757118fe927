"""The Web API: one module per family of methods, brought together in `api.py`."""

from tests.platforms.slack_server.web_api.api import WebApi

__all__ = ["WebApi"]
