"""A Slack of our own for tests, driven by the real Slack clients over loopback.

It answers and refuses as Slack does, remembers what people would have seen, and goes wrong
on request.
"""

from tests.platforms.slack_server.clock import ManualClock, SystemClock
from tests.platforms.slack_server.events import Attempt, sign
from tests.platforms.slack_server.faults import CallFault, EventFault, Faults
from tests.platforms.slack_server.installations import AppConfig
from tests.platforms.slack_server.interactions import Answer
from tests.platforms.slack_server.people import Person
from tests.platforms.slack_server.server import SlackServer
from tests.platforms.slack_server.settings import BOT_SCOPES, SlackSettings
from tests.platforms.slack_server.state import Channel, Message, View, Workspace
from tests.platforms.slack_server.world import ApiCall

__all__ = [
    "BOT_SCOPES",
    "Answer",
    "ApiCall",
    "AppConfig",
    "Attempt",
    "CallFault",
    "Channel",
    "EventFault",
    "Faults",
    "ManualClock",
    "Message",
    "Person",
    "SlackServer",
    "SlackSettings",
    "SystemClock",
    "View",
    "Workspace",
    "sign",
]
