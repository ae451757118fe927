"""One look at a source: what is new since the last one, and what to remember for the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from gateway.domain.artifacts import Artifact
from gateway.domain.conversations import Conversation
from gateway.errors import BadInput
from gateway.ports import ArtifactStore, HistoryStore
from scheduler.sources.feeds import read_entries
from scheduler.sources.guarded import GuardedFetch

_NEWEST = 20
"""Entries of a feed, or messages, that one wakeup is handed."""
_REMEMBERED = 500
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a source; each kind uses its own part of it."""

    validators: dict[str, str] = field(default_factory=dict[str, str])
    """What makes the next request a conditional one."""
    ids: list[str] = field(default_factory=list[str])
    """The newest entries."""
    cursor: int = 0
    """The newest message."""
    etags: dict[str, str] = field(default_factory=dict[str, str])
    """Files by key."""
    is_failing: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What a look has found."""

    news: str | None
    """None when there is nothing new."""
    seen: Seen


def is_readable(source: str) -> bool:
    """Whether the gateway can look there itself; else the name is only told to the agent."""
    kind = source.partition(":")[0]
    return kind in ("http", "https", "artifacts", "unread")


async def look_at_url(fetch: GuardedFetch, url: str, seen: Seen) -> Look:
    """Look at a feed or a page."""
    fetched = await fetch.get(url, seen.validators)
    if fetched is None:
        return Look(None, replace(seen, is_failing=False))
    entries = read_entries(fetched.text, fetched.media_type)
    fresh = [entry for entry in entries if entry.id not in seen.ids]
    ids = [*seen.ids, *(entry.id for entry in fresh)][-_REMEMBERED:]
    news = "\n\n".join(entry.text for entry in fresh[:_NEWEST]) or None
    return Look(news, Seen(validators=dict(fetched.validators), ids=ids))


async def look_at_messages(history: HistoryStore, place: Conversation, seen: Seen) -> Look:
    """Look at what people wrote in the conversation."""
    entries = await history.history(place.id, None, _NEWEST)
    fresh = [entry for entry in entries if entry.author == "user" and entry.cursor > seen.cursor]
    news = "\n".join(f"[{entry.at:%Y-%m-%d %H:%M} UTC] {entry.text}" for entry in fresh) or None
    newest = max((entry.cursor for entry in entries), default=seen.cursor)
    return Look(news, Seen(cursor=newest))


async def look_at_artifacts(
    artifacts: ArtifactStore, owners: Sequence[str], folder: str, seen: Seen
) -> Look:
    """Look at the names of files that are new or have changed: the person's, and the agent's."""
    page: list[Artifact] = []
    for owner in owners:
        key = f"{owner}/{folder.strip('/')}".rstrip("/")
        page += await artifacts.list(key, None, _PAGE)
    fresh = [each for each in page if seen.etags.get(each.key) != each.etag]
    news = "\n".join(f"{each.key} ({each.size_bytes:,} bytes)" for each in fresh[:_NEWEST])
    return Look(news or None, Seen(etags={each.key: each.etag for each in page}))


async def looked(look: Callable[[Seen], Awaitable[Look]], seen: Seen) -> Look:
    """Look; a source that can not be read is news once, until it can be read again."""
    try:
        return await look(seen)
    except BadInput as error:
        news = None if seen.is_failing else f"This source can not be read. {error}"
        return Look(news, replace(seen, is_failing=True))
