"""What people do in a seed: they write, edit, take back and give commands, here and there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Misfire, Rules, Schedule, Wakeup
from scheduler.misfires import first_fire
from tests.fakes.virtual_time import EPOCH
from tests.simulation.platforms import Kind, Post
from tests.simulation.worker import NAMES, SCRIBE, TEAM

STRANGER = "mallory"
STORY_SECONDS = 60.0
PLACES = {"ada": Kind.NONCE, "bo": Kind.LAGGING, "cy": Kind.MUTE}
"""Where each of them talks to their own agent."""
SECOND = {"ada": SCRIBE.role, "bo": SCRIBE.role, "cy": None}
"""Whom they talk to in their second place: another agent, or the same one."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a platform has to bring, until it is acknowledged."""

    at: float
    message: InboundMessage
    token: str
    """The canary in its text; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Story:
    """All that happens from outside."""

    events: tuple[Event, ...]
    schedules: tuple[Schedule, ...]


def draw_story(dice: Random) -> Story:
    """Return what these people do."""
    people = dice.sample(NAMES, dice.randint(1, 3))
    author = _Author(dice)
    for _ in range(dice.randint(3, 9)):
        author.write_something(dice.choice(people))
    if dice.random() < 0.3:
        author.say(STRANGER, Kind.MUTE, "dm-mallory", None)
    schedules = [_schedule(dice, name) for name in people if dice.random() < 0.4]
    return Story(tuple(sorted(author.events, key=lambda event: event.at)), tuple(schedules))


def place_of(name: str, dice: Random) -> tuple[Kind, str, str | None]:
    """Return platform, channel and role of what somebody writes."""
    kind = PLACES[name]
    match dice.randrange(5):
        case 0:
            return Kind.NONCE, "commons", TEAM.role
        case 1:
            return kind, f"dm-{name}-two", SECOND[name]
        case _:
            return kind, f"dm-{name}", None


class _Author:
    """Makes up events, with ids and canaries that are used once."""

    def __init__(self, dice: Random) -> None:
        self.events: list[Event] = []
        self._dice = dice

    def write_something(self, name: str) -> None:
        """Say something; perhaps say more at once, change it, or give a command."""
        kind, channel, role = place_of(name, self._dice)
        said = self.say(name, kind, channel, role)
        match self._dice.randrange(8):
            case 0:
                self._add(_after(said, 5, self._dice), "edit", said)
            case 1:
                self._add(_after(said, 5, self._dice), "delete", said)
            case 2:
                self.command(said, "whoami")
            case 3:
                self.command(said, "cancel")
            case 4 | 5:
                self.say(name, kind, channel, role, at=said.at + self._dice.choice((0.0, 0.5)))
            case _:
                pass

    def say(
        self, name: str, kind: Kind, channel: str, role: str | None, *, at: float | None = None
    ) -> Event:
        """Write a message."""
        number = len(self.events) + 1
        token = f"{name}.{number}"
        event = Event(
            at=self._dice.uniform(0, STORY_SECONDS) if at is None else at,
            message=InboundMessage(
                event_id=f"e{number}",
                conversation=Conversation(str(kind), "w", channel),
                sender=Sender(Identity(str(kind), "w", name), name),
                text=f"hello <<{token}>>",
                sent_at=EPOCH,
                role=role,
            ),
            token=token,
        )
        self.events.append(event)
        return event

    def command(self, said: Event, verb: str) -> None:
        """Give a command where something was said, a little later."""
        self._add(_after(said, 20, self._dice), verb, said)

    def _add(self, at: float, verb: str, said: Event) -> None:
        number = len(self.events) + 1
        original = said.message
        kinds = {"edit": MessageKind.EDIT, "delete": MessageKind.DELETE}
        kind = kinds.get(verb, MessageKind.COMMAND)
        token = f"{original.sender.name}.{number}" if kind is MessageKind.EDIT else ""
        message = InboundMessage(
            event_id=f"e{number}",
            conversation=original.conversation,
            sender=original.sender,
            text=f"rather <<{token}>>" if token else verb,
            sent_at=EPOCH,
            kind=kind,
            role=original.role if kind is not MessageKind.COMMAND else None,
            target=original.event_id if kind is not MessageKind.COMMAND else None,
        )
        self.events.append(Event(at, message, token))


def draw_press(post: Post, number: int, dice: Random) -> Event:
    """Return a press of a button: soon, late or too late, by whom it concerns or another one."""
    place, button = post.conversation, dice.choice((*post.buttons, post.buttons[0]))
    owner = place.channel.split("-")[1]
    name = owner if dice.random() < 0.8 else dice.choice(NAMES)
    message = InboundMessage(
        event_id=f"press{number}",
        conversation=place,
        sender=Sender(Identity(place.platform, "w", name), name),
        text=button.says.removeprefix("/"),
        sent_at=EPOCH,
        kind=MessageKind.COMMAND,
    )
    return Event(dice.choice((0.5, 2.0, 10.0, 90.0)), message, "")


def _after(said: Event, seconds: float, dice: Random) -> float:
    return said.at + dice.uniform(0, seconds)


def _schedule(dice: Random, name: str) -> Schedule:
    kind = PLACES[name]
    wakeup = Wakeup(
        conversation=Conversation(str(kind), "w", f"dm-{name}"),
        owner=Sender(Identity(str(kind), "w", name), name),
        prompt=f"see to it <<{name}.wake@{{timestamp}}>>",
        max_actions=dice.choice((None, 1)),
    )
    schedule = Schedule(
        id=f"wake-{name}",
        trigger="every:60",
        zone="UTC",
        next_at=None,
        wakeup=wakeup,
        rules=Rules(misfire=dice.choice(list(Misfire)), jitter_seconds=dice.choice((0, 5))),
    )
    return first_fire(schedule, EPOCH + timedelta(seconds=1))
