import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import opened_store
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.rights.access import Access
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.settings import load_settings
from tests.unit.gateway.cli.terminal import Terminal

ADA = Identity("discord", "discord", "42")
NOW = datetime.now(UTC)


def ask_to_pair(name: str = "Ada", at: datetime = NOW) -> str:
    """Let a stranger write; returns the code that they were shown."""
    Path(".postern").mkdir(mode=0o700, exist_ok=True)
    return asyncio.run(_ask_to_pair(name, at))


async def _ask_to_pair(name: str, at: datetime) -> str:
    async with opened_store(load_settings({})) as store:
        access = Access(AccessPolicy({"discord": AccessMode.PAIRING}), store.people, SystemClock())
        place = Conversation("discord", "dm", "99")
        message = InboundMessage(f"event-{at}", place, Sender(ADA, name), "hello", at)
        refusal = await access.refusal(message, at)
        assert refusal is not None
        assert refusal.reply is not None
        await store.turns.refuse(refusal, at)
        code = re.search(r"\*\*(\w{8})\*\*", refusal.reply.text)
        assert code is not None
        return code[1]


async def _is_paired() -> bool:
    async with opened_store(load_settings({})) as store:
        return await store.people.is_paired(ADA)


def test_with_nobody_waiting_the_list_says_so(postern: Terminal) -> None:
    assert postern.types("pairing", "list").out == "Nobody waits.\n"
    assert postern.types("pairing", "list", "--json").json == []


def test_who_waits_is_listed_without_the_code(postern: Terminal) -> None:
    code = ask_to_pair()

    seen = postern.types("pairing", "list")
    [listed] = postern.types("pairing", "list", "--json").json

    assert "discord:discord:42  Ada" in seen.out
    assert (listed["identity"], listed["name"]) == ("discord:discord:42", "Ada")
    assert listed["expires_at"] > listed["asked_at"]
    assert code not in seen.out


def test_who_is_approved_may_talk_and_waits_no_more(postern: Terminal) -> None:
    code = ask_to_pair()

    seen = postern.types("pairing", "approve", f"{code[:4].lower()}-{code[4:]}")

    assert (seen.code, seen.out) == (0, "Ada (discord:discord:42) may talk now.\n")
    assert asyncio.run(_is_paired())
    assert postern.types("pairing", "list", "--json").json == []


def test_who_is_denied_may_not_talk(postern: Terminal) -> None:
    code = ask_to_pair()

    seen = postern.types("pairing", "deny", code, "--json")

    assert (seen.json["identity"], seen.json["allowed"]) == ("discord:discord:42", False)
    assert not asyncio.run(_is_paired())


def test_a_code_is_good_once(postern: Terminal) -> None:
    code = ask_to_pair()
    postern.types("pairing", "approve", code)

    again = postern.types("pairing", "deny", code)

    assert again.code == 1
    assert again.err.startswith(f"Nobody waits with the code {code}.")
    assert asyncio.run(_is_paired())


def test_a_code_whose_hour_is_over_is_good_for_nothing(postern: Terminal) -> None:
    code = ask_to_pair(at=NOW - timedelta(hours=2))

    assert postern.types("pairing", "list", "--json").json == []
    assert postern.types("pairing", "approve", code).code == 1
    assert not asyncio.run(_is_paired())


@pytest.mark.parametrize("typed", ["", "ABCD", "ABCD2340", "ABCD2345X"])
def test_what_is_no_code_is_wrong_usage(postern: Terminal, typed: str) -> None:
    assert postern.types("pairing", "approve", typed).code == 2


def test_a_name_can_not_write_to_the_operators_terminal(postern: Terminal) -> None:
    code = ask_to_pair(name="Eve\x1b[2J\nroot")

    listed = postern.types("pairing", "list")
    approved = postern.types("pairing", "approve", code)

    assert "\x1b" not in listed.out + approved.out
    assert len(listed.out.splitlines()) == 2
    assert len(approved.out.splitlines()) == 1
