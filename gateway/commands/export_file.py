"""Everything that is kept of one person, as one archive: what `/forget` would delete."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from gateway.commands.command import Asked, Reach
from gateway.commands.owned import agents_of, all_that_they_were, files_in, schedules_of
from gateway.domain.artifacts import Artifact
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.schedules import Schedule
from gateway.errors import RunFailed
from gateway.ports import Said

PAGE = 200
MOST_CHARACTERS = 10_000_000
"""Of all messages in one archive; who has said more is given it in several."""
MOST_BYTES = 5_000_000
"""Of all files in one archive, so that the platforms take it; others are named in it."""
MOST_PASSAGES = 10_000
"""Entries of each agent's archival memory, the oldest; so many take minutes to look up."""
MOST_PUT_AWAY = 2_000_000
"""Characters of these entries."""
_PAGE_OF_PASSAGES = 100
_PIECE_BYTES = 65_536
"""Packed at once; it takes some milliseconds."""
_NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Exported:
    """One archive, and what is not in it."""

    data: bytes
    messages: int
    before: int | None
    """What to pass on for the messages that did not fit; None when all did."""
    left_out: int
    """Files that are named in it alone."""


async def export(asked: Asked, reach: Reach, before: int | None = None) -> Exported:
    """Gather all of who asks. Raises RuntimeUnavailable and StoreUnavailable.

    Messages are those before the cursor; everything else is there each time.
    """
    people = await all_that_they_were(asked.person, reach)
    said, older = await _said(people, reach, before)
    files, left_out = await _files(people, reach)
    about = {
        "made_at": asked.message.sent_at.isoformat(),
        "accounts": await _accounts(asked.person, reach),
        "agents": [found for person in people for found in await _agents(person, reach)],
        "schedules": [_schedule(each) for each in await schedules_of(asked.person, reach)],
        "kept": [
            asdict(each) for person in people for each in await reach.store.personal.kept(person)
        ],
        "files": [
            _file(each, is_inside=each.key in files) for each in (*left_out, *files.values())
        ],
        "older_messages": None if older is None else f"/export {older}",
    }
    data = await _pack(about, said, list(files), reach)
    return Exported(data, len(said), older, len(left_out))


async def _said(
    people: Sequence[PersonId], reach: Reach, before: int | None
) -> tuple[list[Said], int | None]:
    """Return the newest words, oldest first, and the cursor of what did not fit.

    Of all that the person was, whoever's part goes back least comes next: behind
    the cursor nothing was passed over.
    """
    parts = dict.fromkeys(people, _NEWEST if before is None else before)
    found: dict[str, Said] = {}
    room = MOST_CHARACTERS
    while parts and room > 0:
        person = max(parts, key=lambda each: parts[each])
        page = await reach.store.personal.record(person, PAGE, parts.pop(person))
        if page.before is not None:
            parts[person] = page.before
        room -= sum(len(each.entry.text) for each in page.said)
        found |= {
            f"{each.entry.author} {each.conversation.id} {each.entry.id}": each
            for each in page.said
        }
    said = sorted(found.values(), key=lambda each: each.entry.cursor)
    return said, max(parts.values(), default=None)


async def _files(
    people: Sequence[PersonId], reach: Reach
) -> tuple[dict[str, Artifact], list[Artifact]]:
    """Return the files that fit, by key, and the others."""
    owners = [
        owner for each in people for owner in (each, *(await agents_of(each, reach)).values())
    ]
    inside, left_out, room = dict[str, Artifact](), list[Artifact](), MOST_BYTES
    for owner in owners:
        async for file in files_in(owner, reach):
            if file.size_bytes > room:
                left_out.append(file)
                continue
            room -= file.size_bytes
            inside[file.key] = file
    return inside, left_out


async def _accounts(person: PersonId, reach: Reach) -> list[dict[str, object]]:
    identities = await reach.store.people.identities(person)
    found = [(account, await reach.store.people.find_person(account)) for account in identities]
    return [{**asdict(account), "name": known.name if known else ""} for account, known in found]


async def _agents(person: PersonId, reach: Reach) -> list[dict[str, object]]:
    agents = await agents_of(person, reach)
    return [await _agent(role, agent, reach) for role, agent in agents.items()]


async def _agent(role: str, agent: AgentId, reach: Reach) -> dict[str, object]:
    about: dict[str, object] = {"name": role, "id": agent}
    if reach.memory is None:
        return {**about, "memory": "It is kept by a server that does not show it here."}
    try:
        blocks = await reach.memory.blocks(agent)
        about["memory"] = {block.label: block.value for block in blocks}
        files = [] if reach.files is None else await reach.files.files(agent)
        about["files"] = [each.name for each in files]
        about["archival"], is_all = await _archival(agent, reach)
    except RunFailed as error:
        return {**about, "not_told": str(error)}
    return about if is_all else {**about, "newer_archival": "It is with the agent, not in here."}


async def _archival(agent: AgentId, reach: Reach) -> tuple[list[str], bool]:
    """Return what the agent has put away, the oldest first, and whether that is all of it."""
    texts, room, last = list[str](), MOST_PUT_AWAY, None
    while reach.archive is not None and len(texts) < MOST_PASSAGES and room > 0:
        page = await reach.archive.passages(agent, _PAGE_OF_PASSAGES, last)
        texts += [passage.text for passage in page]
        room -= sum(len(passage.text) for passage in page)
        if len(page) < _PAGE_OF_PASSAGES:
            return texts, True
        last = page[-1].id
    return texts, reach.archive is None or not await reach.archive.passages(agent, 1, last)


def _schedule(schedule: Schedule) -> dict[str, object]:
    wakeup = schedule.wakeup
    return {
        "id": schedule.id,
        "name": schedule.name,
        "trigger": schedule.trigger,
        "timezone": schedule.zone,
        "next_at": _moment(schedule.next_at),
        "prompt": wakeup.prompt if wakeup else "",
        "conversation": wakeup.conversation.id if wakeup else None,
    }


def _file(file: Artifact, *, is_inside: bool) -> dict[str, object]:
    return {
        "name": file.key,
        "media_type": file.media_type,
        "bytes": file.size_bytes,
        "saved_at": _moment(file.saved_at),
        "in_this_archive": is_inside,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


async def _pack(
    about: Mapping[str, object], said: Sequence[Said], files: Sequence[str], reach: Reach
) -> bytes:
    """Return the archive, made bit by bit: others go on meanwhile."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        words = json.dumps(about, ensure_ascii=False, indent=1).encode()
        pieces = range(0, len(words), _PIECE_BYTES)
        await _write(archive, "export.json", (words[at : at + _PIECE_BYTES] for at in pieces))
        await _write(archive, "messages.jsonl", map(_line, said))
        for key in files:
            archive.writestr(f"files/{key}", await _load(key, reach))
    return written.getvalue()


async def _write(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes]) -> None:
    packed = zipfile.ZipInfo(name)
    packed.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(packed, "w") as file:
        for piece in pieces:
            file.write(piece)
            await asyncio.sleep(0)


def _line(said: Said) -> bytes:
    about = {
        "at": said.entry.at.isoformat(),
        "conversation": said.conversation.id,
        "author": said.entry.author,
        "text": said.entry.text,
    }
    return f"{json.dumps(about, ensure_ascii=False)}\n".encode()


async def _load(key: str, reach: Reach) -> bytes:
    contents = None if reach.artifacts is None else await reach.artifacts.load(key)
    return contents.data if contents else b""
