"""How admins name accounts and lengths of time when they ban somebody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.commands.banning import read_account
from gateway.domain.bans import read_length
from gateway.domain.people import Identity

ON_DISCORD = Identity("discord", "discord", "1")
ON_SLACK = Identity("slack", "T1", "U1")
ON_WEB = Identity("web", "local", "ada")


@pytest.mark.parametrize(
    ("typed", "by", "key"),
    [
        ("<@42>", ON_DISCORD, "discord:discord:42"),
        ("<@!42>", ON_DISCORD, "discord:discord:42"),
        ("42", ON_DISCORD, "discord:discord:42"),
        ("<@U2|eve>", ON_SLACK, "slack:T1:U2"),
        ("<@W2>", ON_SLACK, "slack:T1:W2"),
        ("U2", ON_SLACK, "slack:T1:U2"),
        ("slack:T9:U2", ON_DISCORD, "slack:T9:U2"),
        ("discord:discord:42", ON_WEB, "discord:discord:42"),
    ],
)
def test_an_account_is_a_mention_an_id_or_a_key(typed: str, by: Identity, key: str) -> None:
    assert read_account(typed, by).key == key


@pytest.mark.parametrize(
    ("typed", "by"),
    [("@eve", ON_SLACK), ("<@&42>", ON_DISCORD), ("eve", ON_WEB), ("U2", ON_DISCORD), ("", ON_WEB)],
)
def test_a_name_is_no_account(typed: str, by: Identity) -> None:
    with pytest.raises(ValueError, match="Whom"):
        read_account(typed, by)


@pytest.mark.parametrize(
    ("typed", "length"),
    [
        ("30m", timedelta(minutes=30)),
        (" 2H ", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("1w", timedelta(weeks=1)),
        ("", None),
    ],
)
def test_a_length_is_a_number_and_a_letter(typed: str, length: timedelta | None) -> None:
    assert read_length(typed) == length


@pytest.mark.parametrize("typed", ["0m", "2", "h", "2 hours", "-1d", "4000d", "999999w", "2h30m"])
def test_anything_else_is_no_length(typed: str) -> None:
    with pytest.raises(ValueError, match="is no length of time"):
        read_length(typed)
