"""What goes wrong on purpose, scripted: for calls that come in, and for events that go out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from tests.platforms.slack_server.shapes import Json

CallFaultKind = Literal[
    "lose_reply", "cut_before", "status", "ratelimited", "refuse", "delay", "answer"
]
EventFaultKind = Literal["duplicate", "swap", "both_ways", "drop"]


def _always(_: Json) -> bool:
    return True


@dataclass(slots=True)
class CallFault:
    """What happens to calls whose method matches the pattern (`chat.*`).

    `skip` lets the first ones through. Besides Web API methods the names `response_url`,
    `files.upload` and `files.download` can be matched.
    """

    kind: CallFaultKind
    method: str = "*"
    times: int = 1
    skip: int = 0
    status: int = 503
    code: str = "internal_error"
    seconds: float = 0.0
    body: Json = field(default_factory=dict[str, Any])
    where: Callable[[Json], bool] = field(default=_always)


@dataclass(slots=True)
class EventFault:
    """What happens to the next events whose type matches."""

    kind: EventFaultKind
    event: str = "*"
    times: int = 1
    copies: int = 1


class Faults:
    """The script: the first fault that matches is taken, and vanishes when it is used up."""

    def __init__(self) -> None:
        self._calls: list[CallFault] = []
        self._events: list[EventFault] = []

    def add(self, fault: CallFault | EventFault) -> None:
        if isinstance(fault, CallFault):
            self._calls.append(fault)
        else:
            self._events.append(fault)

    def clear(self) -> None:
        self._calls.clear()
        self._events.clear()

    def lose_reply(self, method: str, *, times: int = 1, skip: int = 0) -> None:
        """The call is carried out, then the connection is cut without an answer."""
        self.add(CallFault("lose_reply", method, times, skip))

    def cut_before(self, method: str, *, times: int = 1, skip: int = 0) -> None:
        """The connection is cut and nothing is carried out."""
        self.add(CallFault("cut_before", method, times, skip))

    def answer_status(self, method: str, status: int, *, times: int = 1, skip: int = 0) -> None:
        """Answer with a bare HTTP status (500, 503, ...); nothing is carried out."""
        self.add(CallFault("status", method, times, skip, status=status))

    def ratelimit(
        self, method: str, *, retry_after_seconds: int = 1, times: int = 1, skip: int = 0
    ) -> None:
        self.add(CallFault("ratelimited", method, times, skip, seconds=retry_after_seconds))

    def refuse(self, method: str, code: str, *, times: int = 1, skip: int = 0) -> None:
        """Answer `{"ok": false, "error": code}`; nothing is carried out."""
        self.add(CallFault("refuse", method, times, skip, code=code))

    def answer(self, method: str, body: Json, *, times: int = 1, skip: int = 0) -> None:
        """Answer with this JSON, whatever was asked; nothing is carried out."""
        self.add(CallFault("answer", method, times, skip, body=body))

    def delay(self, method: str, seconds: float, *, times: int = 1, skip: int = 0) -> None:
        """Carry the call out only after some real seconds."""
        self.add(CallFault("delay", method, times, skip, seconds=seconds))

    def duplicate_events(self, event: str = "*", *, copies: int = 1, times: int = 1) -> None:
        """Send extra copies with the same event id, with no retry headers."""
        self.add(EventFault("duplicate", event, times, copies))

    def swap_events(self, event: str = "*", *, times: int = 1) -> None:
        """Hold an event back until the one after it has been tried."""
        self.add(EventFault("swap", event, times))

    def send_both_ways(self, event: str = "*", *, times: int = 1) -> None:
        """Send the same event over HTTP and over Socket Mode at once."""
        self.add(EventFault("both_ways", event, times))

    def take_for_call(self, method: str, args: Json) -> CallFault | None:
        for fault in self._calls:
            if not fnmatchcase(method, fault.method) or not fault.where(args):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._calls.remove(fault)
            return fault
        return None

    def take_for_event(self, event_type: str) -> EventFault | None:
        for fault in self._events:
            if fnmatchcase(event_type, fault.event):
                fault.times -= 1
                if fault.times <= 0:
                    self._events.remove(fault)
                return fault
        return None
