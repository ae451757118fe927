"""Writes what the agent reads: who spoke, where and when, above the verbatim text. Pure."""

from __future__ import annotations

from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.turns import InputMessage


def to_input(message: InboundMessage) -> InputMessage:
    """Return the message as the agent gets it.

    The first line is ours and always there, so whatever a person writes below
    it can not pass for it.
    """
    return InputMessage(text=f"{_header(message)}\n{message.text}", otid=message.otid)


def _header(message: InboundMessage) -> str:
    name = _name(message)
    moment = message.sent_at.strftime("%Y-%m-%d %H:%M UTC")
    return f"[{name or 'someone'} on {message.conversation.platform}, {moment}{_about(message)}]"


def _about(message: InboundMessage) -> str:
    match message.kind:
        case MessageKind.EDIT:
            return "; a correction of an earlier message"
        case MessageKind.REACTION:
            return "; a reaction to an earlier message"
        case MessageKind.WAKEUP:
            return "; a scheduled wakeup"
        case _:
            return ""


def _name(message: InboundMessage) -> str:
    return "".join(c for c in message.sender.name if c.isprintable() and c not in "[]")[:80]
