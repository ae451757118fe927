"""The operator's own posts."""

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.bootstrap import opened_store
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import WorkerId
from gateway.settings import load_settings
from tests.unit.gateway.cli.terminal import Terminal


async def _next_post() -> Delivery | None:
    async with opened_store(load_settings({})) as store:
        now = datetime.now(UTC)
        claim = await store.deliveries.claim(
            WorkerId("w"), ["discord"], 10, timedelta(seconds=30), now
        )
        return claim.deliveries[0] if claim.deliveries else None


def test_a_post_waits_for_the_gateway_in_the_outbox(postern: Terminal) -> None:
    sent = postern.types("send", "--to", "discord:dm:99", "--json", "**Hello**").json

    post = asyncio.run(_next_post())

    assert post is not None
    assert (post.conversation.id, post.text) == ("discord:dm:99", "**Hello**")
    assert sent["new"]


def test_a_post_with_the_same_key_is_stored_once(postern: Terminal) -> None:
    line = ("send", "--to", "discord:dm:99", "--key", "k1", "--json", "Hello")

    first, second = postern.types(*line).json, postern.types(*line).json

    assert (first["new"], second["new"]) == (True, False)
    assert first["id"] == second["id"]


def test_posts_without_a_key_are_posts_of_their_own(postern: Terminal) -> None:
    line = ("send", "--to", "discord:dm:99", "--json", "Hello")

    assert postern.types(*line).json["id"] != postern.types(*line).json["id"]


def test_what_can_not_be_posted_is_wrong_usage(postern: Terminal) -> None:
    assert postern.types("send", "--to", "nowhere", "Hello").code == 2
    assert postern.types("send", "--to", "irc:x:y", "Hello").code == 2
    assert postern.types("send", "--to", "discord:dm:99", " ").code == 2
