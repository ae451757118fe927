"""Follows one thing through the audit log to all that belongs to it, and says what is not over."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from gateway.domain.approvals import approval_id
from gateway.domain.audit import ARRIVALS, AuditEntry, AuditKind
from gateway.domain.errands import errand_id, errand_of, origin_of, work_id
from gateway.domain.ids import LaneId, TurnId
from gateway.domain.trails import Trail
from gateway.errors import BadInput
from gateway.ports import HistoryStore

MOST_ENTRIES = 2_000
"""So many entries of a trail are shown; a person or a schedule may have many more."""

_PAGE = 500
_MOST_PAGES = 40
"""Of a lane's entries, that are looked through for the turn of a message."""
_PART = re.compile(r"(turn-\d+)\.(\w+)")
_APPROVAL = "approval-"


@dataclass(frozen=True, slots=True)
class Link:
    """Something that an entry points at."""

    name: str
    within: str | None = None
    """The subject that its entries have, where the name alone is not enough."""
    is_wide: bool = False
    """Whether all entries count that it is the subject of."""

    def covers(self, entry: AuditEntry) -> bool:
        """Whether the entry is one of those that are meant."""
        if self.within is not None:
            return (entry.ref, entry.subject) == (self.name, self.within)
        return self.is_wide or entry.ref == self.name


class Trails:
    """Reads trails; never in the way of writers."""

    def __init__(self, history: HistoryStore) -> None:
        self._history = history

    async def follow(self, name: str) -> Trail:
        """Return the trail of a thing: an event, turn, delivery, approval, slot, person …

        Raises BadInput when the log knows nothing of it, or several things by this name.
        """
        wanted = deque([Link(name, is_wide=True), *_slot(name)])
        found: dict[int, AuditEntry] = {}
        asked: set[Link] = set()
        is_cut = False
        while wanted and len(found) < MOST_ENTRIES:
            link = wanted.popleft()
            if link in asked:
                continue
            asked.add(link)
            entries = await self._entries(link, name)
            is_cut |= len(entries) == MOST_ENTRIES
            for entry in entries:
                if found.setdefault(entry.sequence, entry) is entry:
                    wanted += links(entry)
                    wanted += await self._turn_of(entry, asked)
        if not found:
            raise BadInput(unknown(name))
        ordered = tuple(found[sequence] for sequence in sorted(found))[:MOST_ENTRIES]
        is_cut |= bool(wanted) or len(found) > MOST_ENTRIES
        last = last_of_each(ordered)
        lanes = sorted({LaneId(entry.subject) for entry in last if entry.kind in _IN_A_LANE})
        parked = await self._history.parked(lanes) if lanes else {}
        return Trail(name, ordered, tuple(still_open(last, parked)), is_cut)

    async def _entries(self, link: Link, name: str) -> list[AuditEntry]:
        entries = await self._history.trail(link.name, 0, MOST_ENTRIES)
        covered = [entry for entry in entries if link.covers(entry)]
        if link.name == name:
            _check_it_is_one(name, covered)
        return covered

    async def _turn_of(self, accepted: AuditEntry, asked: set[Link]) -> list[Link]:
        """Look for the turn that took the message: the log of its lane tells, after it came."""
        if accepted.kind is not AuditKind.MESSAGE_ACCEPTED:
            return []
        likely = Link(f"turn-{accepted.data['sequence']}")
        if likely in asked:
            return []
        after = accepted.sequence
        for _ in range(_MOST_PAGES):
            page = await self._history.trail(accepted.subject, after, _PAGE)
            for entry in page:
                if _takes(entry, accepted):
                    return [Link(entry.ref)]
            if len(page) < _PAGE:
                break
            after = page[-1].sequence
        return []


def unknown(name: str) -> str:
    """Say that the log knows nothing of a thing, and what may be asked for."""
    return (
        f'The audit log knows nothing of "{name[:200]}". Give the id of an event, a turn, a '
        "delivery, an approval, a schedule or a person, as logs and listings show it; what is "
        "older than retention.audit_days is gone."
    )


def _check_it_is_one(name: str, entries: Iterable[AuditEntry]) -> None:
    others = {entry.ref for entry in entries if name not in (entry.ref, entry.subject)}
    if len(others) > 1:
        listed = ", ".join(f'"{ref}"' for ref in sorted(others)[:5])
        raise BadInput(f'Several messages have the event id "{name}": {listed}. Name one of them.')


def _takes(entry: AuditEntry, accepted: AuditEntry) -> bool:
    is_claim = entry.kind is AuditKind.TURN_CLAIMED
    return is_claim and accepted.data["sequence"] in _texts(entry.data, "messages")


def links(entry: AuditEntry) -> Iterator[Link]:
    """Say what an entry points at. Lanes and places are not followed: others are in them too."""
    data = entry.data
    match entry.kind:
        case AuditKind.TURN_CLAIMED:
            names = [entry.ref, *_texts(data, "keys"), f"{entry.ref}.0", work_id(TurnId(entry.ref))]
        case AuditKind.TURN_ENDED:
            names = _texts(data, "deliveries")
        case AuditKind.TURN_TOOL:
            turn, call = TurnId(entry.ref), str(data["call"])
            names = [approval_id(turn, call), errand_id(turn, call)]
        case AuditKind.ERRAND_CHANGED:
            yield from _errand(entry)
            return
        case AuditKind.APPROVAL_ASKED:
            names = [data["turn"], f"{_APPROVAL}{entry.ref}"]
        case AuditKind.DELIVERY_STORED:
            names = [entry.ref, *_around(entry.ref)]
        case AuditKind.AGENT_INTENDED:
            yield Link(f"{entry.subject}/{entry.ref}", is_wide=True)
            return
        case kind if kind in ARRIVALS:
            event = entry.ref.split(":", 2)[-1]
            yield from _slot(event)
            errand = errand_of(event)
            names = [entry.ref, *_around(event), *_named(data, "reply")]
            names += [] if errand is None else [errand]
        case _:
            names = _named(data, "message", "notice")
    for name in names:
        yield Link(str(name))


def _around(name: str) -> list[str]:
    """Return whose a delivery or an event is by its name: an approval's, a turn's and its next."""
    if name.startswith(_APPROVAL):
        return [name.removeprefix(_APPROVAL).partition(".")[0]]
    part = _PART.fullmatch(name)
    if part is None:
        return []
    turn, index = part.groups()
    return [turn, f"{turn}.{int(index) + 1}"] if index.isdecimal() else [turn]


def _errand(entry: AuditEntry) -> Iterator[Link]:
    """Return what brought an errand, its answer, what it is for, and its steps, one by one."""
    yield Link(f"ask-{entry.ref}", is_wide=True)
    yield Link(f"answer-{entry.ref}", is_wide=True)
    root = entry.data.get("root")
    if root is not None:
        yield from (Link(str(root)), Link(origin_of(str(root))))
    yield Link(f"{entry.ref}.0")
    work, _, number = entry.ref.rpartition(".")
    if number.isdecimal() and work:
        yield from (Link(work), Link(f"{work}.{int(number) + 1}"))


def _slot(event: str) -> list[Link]:
    """Return the slot of a wakeup's event: `<schedule>@<due moment>`."""
    schedule, _, due_at = event.rpartition("@")
    return [Link(due_at, within=schedule)] if schedule else []


def _named(data: Mapping[str, object], *names: str) -> list[object]:
    return [data[name] for name in names if name in data]


def _texts(data: Mapping[str, object], name: str) -> list[object]:
    return cast("list[object]", data.get(name, []))


# -- what is not over ---------------------------------------------------------------------------

_SILENT = {
    AuditKind.TURN_RUN,
    AuditKind.TURN_TOOL,
    AuditKind.TURN_TOOL_BEGUN,
    AuditKind.TURN_CANCELLED,
    AuditKind.MESSAGE_REVISED,
    AuditKind.APPROVAL_REFUSED,
}
"""What changes nothing about where its thing stands."""


_IN_A_LANE = {AuditKind.MESSAGE_ACCEPTED, AuditKind.TURN_POSTPONED, AuditKind.TURN_LOST}
"""What comes last of a thing that waits in its lane."""


def last_of_each(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """Return where each thing stands by its last entry; a message that a turn took is in that."""
    last: dict[str, AuditEntry] = {}
    taken: set[object] = set()
    for entry in entries:
        if entry.kind not in _SILENT:
            last[entry.ref] = entry
        if entry.kind is AuditKind.TURN_CLAIMED:
            taken.update(_texts(entry.data, "messages"))
    return [
        entry
        for entry in last.values()
        if entry.kind is not AuditKind.MESSAGE_ACCEPTED or entry.data["sequence"] not in taken
    ]


def still_open(last: Iterable[AuditEntry], parked: Mapping[LaneId, int]) -> Iterator[str]:
    """Say of each thing that is not over what it waits for, and of what was given up, why.

    `parked` are the lanes that wait for a seat, with the turns that their people have running.
    """
    for entry in last:
        running = parked.get(LaneId(entry.subject)) if entry.kind in _IN_A_LANE else None
        if said := _for_a_seat(running) if running else _standing(entry):
            yield f"{entry.ref} {said}"


def _for_a_seat(running: int) -> str:
    others = "1 other turn" if running == 1 else f"{running} other turns"
    return f"waits for a seat: its person has {others} running (turns.per_person)."


def _standing(entry: AuditEntry) -> str | None:
    """Say where a thing stands after its last entry; None when it is over."""
    match entry.kind.partition(".")[0]:
        case "message":
            return "waits for its turn." if entry.kind is AuditKind.MESSAGE_ACCEPTED else None
        case "approval" if entry.kind is AuditKind.APPROVAL_ASKED:
            return f"waits for a yes or no to {entry.data['tool']}{_until(entry.data)}."
        case "errand" if entry.data["state"] == "open":
            return f"waits for {_texts(entry.data, 'chain')[-1]} to answer."
        case "turn":
            return _turn_stands(entry)
        case "delivery":
            return _delivery_stands(entry)
        case _:
            return None


def _turn_stands(entry: AuditEntry) -> str | None:
    data = entry.data
    match entry.kind:
        case AuditKind.TURN_CLAIMED:
            return f"is being answered: attempt {data['attempt']}{_since(entry)}."
        case AuditKind.TURN_POSTPONED:
            return f"waits for retry{_moment(data)}{_because(data)}"
        case AuditKind.TURN_LOST:
            return "waits for a worker: the one that had it is gone."
        case AuditKind.TURN_ENDED if data["state"] == "failed":
            return f"was given up{_because(data)}"
        case _:
            return None


def _delivery_stands(entry: AuditEntry) -> str | None:
    data = entry.data
    match entry.kind:
        case AuditKind.DELIVERY_STORED | AuditKind.DELIVERY_RESENT:
            return "waits to be sent."
        case AuditKind.DELIVERY_REVISED if data["state"] in ("pending", "unknown"):
            return "waits to be sent in its new words."
        case AuditKind.DELIVERY_CLAIMED:
            return f"is being sent: try {data['attempt']}{_since(entry)}."
        case AuditKind.DELIVERY_LOST:
            return "is to be looked for on its platform: its worker was lost while sending it."
        case AuditKind.DELIVERY_SETTLED:
            return _settled(data)
        case _:
            return None


def _settled(data: Mapping[str, object]) -> str | None:
    match data["state"]:
        case "pending":
            return f"waits for retry{_moment(data)}{_because(data)}"
        case "unknown":
            return f"is to be looked for on its platform{_moment(data)}{_because(data)}"
        case "failed":
            return f"was given up{_because(data)}"
        case _:
            return None


def _because(data: Mapping[str, object]) -> str:
    return f": {data['reason']}" if "reason" in data else "."


def _moment(data: Mapping[str, object]) -> str:
    return f" at {data['until']}" if "until" in data else ""


def _until(data: Mapping[str, object]) -> str:
    return f" until {data['until']}" if "until" in data else ""


def _since(entry: AuditEntry) -> str:
    by = f' by "{entry.data["worker"]}"' if "worker" in entry.data else ""
    return by if entry.at is None else f"{by} since {entry.at.isoformat()}"
