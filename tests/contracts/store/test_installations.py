"""Workspaces that let the app in, and the states of installations under way."""

from __future__ import annotations

import asyncio

from gateway.domain.audit import AuditKind
from gateway.domain.installations import Installation
from gateway.ports import Store
from tests.contracts.store.words import at

GRANT = Installation("slack", "T1", b"sealed \x00 one", at(0))
OTHER = Installation("slack", "T2", b"sealed of another", at(0))


async def test_a_workspace_keeps_what_it_was_given(store: Store) -> None:
    assert await store.installations.get("slack", "T1") is None

    await store.installations.put(GRANT, at(0))
    await store.installations.put(OTHER, at(0))

    assert await store.installations.get("slack", "T1") == GRANT
    assert await store.installations.get("slack", "T2") == OTHER
    assert await store.installations.get("discord", "T1") is None


async def test_installing_again_takes_the_place_of_the_earlier_grant(store: Store) -> None:
    await store.installations.put(GRANT, at(0))

    await store.installations.put(Installation("slack", "T1", b"two", at(9)), at(9))

    assert await store.installations.get("slack", "T1") == Installation(
        "slack", "T1", b"two", at(9), revision=2
    )


async def test_of_renewals_of_one_grant_made_at_once_one_counts(store: Store) -> None:
    await store.installations.put(GRANT, at(0))

    renewed = await asyncio.gather(
        *(store.installations.renew(GRANT, b"new %d" % number, at(1)) for number in range(8))
    )

    assert sum(renewed) == 1
    kept = await store.installations.get("slack", "T1")
    assert kept is not None
    assert (kept.sealed, kept.revision) == (b"new %d" % renewed.index(True), 2)


async def test_an_older_grant_is_not_renewed(store: Store) -> None:
    assert not await store.installations.renew(GRANT, b"new", at(1))
    await store.installations.put(GRANT, at(0))
    await store.installations.put(GRANT, at(0))

    assert not await store.installations.renew(GRANT, b"new", at(1))


async def test_a_grant_of_before_an_end_does_not_renew_the_one_after_it(store: Store) -> None:
    await store.installations.put(GRANT, at(0))
    await store.installations.end("slack", "T1", "app_uninstalled", at(5), at(5))
    anew = Installation("slack", "T1", b"anew", at(6))
    await store.installations.put(anew, at(6))

    assert not await store.installations.renew(GRANT, b"of the dead one", at(7))
    assert await store.installations.get("slack", "T1") == anew


async def test_an_ended_grant_is_gone_and_others_stay(store: Store) -> None:
    await store.installations.put(GRANT, at(0))
    await store.installations.put(OTHER, at(0))

    assert await store.installations.end("slack", "T1", "app_uninstalled", at(5), at(6))
    assert not await store.installations.end("slack", "T1", "app_uninstalled", at(5), at(6))

    assert await store.installations.get("slack", "T1") is None
    assert await store.installations.get("slack", "T2") == OTHER


async def test_late_news_of_an_end_leaves_a_newer_grant(store: Store) -> None:
    await store.installations.put(Installation("slack", "T1", b"again", at(10)), at(10))

    assert not await store.installations.end("slack", "T1", "app_uninstalled", at(5), at(11))

    assert await store.installations.get("slack", "T1") is not None


async def test_a_state_is_good_once(store: Store) -> None:
    await store.installations.keep_state("digest", at(600), at(0))

    used = await asyncio.gather(*(store.installations.use_state("digest", at(1)) for _ in range(8)))

    assert sum(used) == 1


async def test_a_state_that_is_over_or_unknown_is_not_good(store: Store) -> None:
    await store.installations.keep_state("old", at(600), at(0))
    await store.installations.keep_state("swept", at(5), at(0))
    await store.installations.keep_state("new", at(900), at(10))

    assert not await store.installations.use_state("old", at(600))
    assert not await store.installations.use_state("swept", at(1))
    assert not await store.installations.use_state("never kept", at(1))


async def test_the_audit_log_tells_of_grants_and_never_what_is_sealed(store: Store) -> None:
    await store.installations.put(GRANT, at(0))
    await store.installations.renew(GRANT, b"sealed two", at(1))
    await store.installations.end("slack", "T1", "app_uninstalled", at(5), at(6))

    entries = await store.history.audit(0, 10)

    assert [(entry.kind, entry.subject) for entry in entries] == [
        (AuditKind.INSTALLATION_PUT, "slack:T1"),
        (AuditKind.INSTALLATION_RENEWED, "slack:T1"),
        (AuditKind.INSTALLATION_ENDED, "slack:T1"),
    ]
    assert entries[2].data == {"reason": "app_uninstalled"}
    assert "sealed" not in repr([GRANT, *entries])


async def test_an_installation_that_came_to_nothing_is_told_with_its_reason(store: Store) -> None:
    await store.installations.fail("slack", "digest", "Refused: Slack said no.", at(3))

    (entry,) = await store.history.audit(0, 10)
    assert (entry.kind, entry.subject, entry.ref) == (
        AuditKind.INSTALLATION_FAILED,
        "slack",
        "digest",
    )
    assert entry.data == {"reason": "Refused: Slack said no."}
    assert await store.installations.get("slack", "digest") is None
