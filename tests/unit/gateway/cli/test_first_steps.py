"""`postern init` asks for what nobody can guess, tries it, and writes what was said."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.explained import first_file
from tests.unit.gateway.cli.servers import serving
from tests.unit.gateway.cli.terminal import Seen, Terminal

FILE = Path("postern.toml")
BOT = {"name": "Postern", "id": "1", "flags": 1 << 19}
NO_LETTA = NO_MODEL = NO_DISCORD = NO_SLACK = ["n"]


def _says(postern: Terminal, *parts: list[str], **variables: str) -> Seen:
    lines = [line for part in parts for line in part]
    return postern.answers("\n".join([*lines, ""]), "init", "--ask", **variables)


def _written() -> dict[str, Any]:
    """Return what the file sets."""
    sections: dict[str, Any] = tomllib.loads(FILE.read_text())
    return {name: section for name, section in sections.items() if section}


def test_who_wants_nothing_gets_the_file_in_which_nothing_is_set(postern: Terminal) -> None:
    seen = _says(postern, NO_LETTA, NO_MODEL, NO_DISCORD, NO_SLACK)

    assert seen.code == 0
    assert FILE.read_text() == first_file()
    assert "pairing" not in seen.out


def test_what_works_is_written_down(postern: Terminal) -> None:
    answers: dict[str, tuple[int, object]] = {
        "/v1/models": (200, {"data": [{"id": "small"}]}),
        "/applications/@me": (200, BOT),
        "/auth.test": (200, {"ok": True, "team": "Acme"}),
        "/apps.connections.open": (200, {"ok": True}),
    }
    with serving(answers) as server:
        seen = _says(
            postern,
            NO_LETTA,
            ["y", f"{server.url}/v1", "sk-1", "small"],
            ["y", "bot-token"],
            ["y", "xoxb-1", "xapp-1"],
            POSTERN_DISCORD__API_URL=server.url,
            POSTERN_SLACK__API_URL=server.url,
        )

    assert seen.code == 0
    assert _written() == {
        "model": {"base_url": f"{server.url}/v1", "api_key": "sk-1", "name": "small"},
        "discord": {"token": "bot-token"},
        "slack": {"bot_token": "xoxb-1", "app_token": "xapp-1"},
    }
    assert server.heard == [
        ("/v1/models", "Bearer sk-1"),
        ("/applications/@me", "Bot bot-token"),
        ("/auth.test", "Bearer xoxb-1"),
        ("/apps.connections.open", "Bearer xapp-1"),
    ]
    assert 'ok: The token is that of "Postern".' in seen.out
    assert "`postern manifest discord` has the link" in seen.out
    assert "`postern pairing approve CODE` lets them in." in seen.out
    assert not any(secret in seen.out for secret in ("sk-1", "bot-token", "xoxb-1", "xapp-1"))


def test_what_is_refused_may_be_typed_again_or_kept(postern: Terminal) -> None:
    with serving({"/applications/@me": (401, {})}) as server:
        seen = _says(
            postern,
            NO_LETTA,
            NO_MODEL,
            ["y", "wrong", "y", "wrong as well", "n"],
            NO_SLACK,
            POSTERN_DISCORD__API_URL=server.url,
        )

    assert seen.out.count("wrong: Discord refuses the token.") == 2
    assert _written() == {"discord": {"token": "wrong as well"}}


def test_what_can_not_be_is_said_and_asked_again(postern: Terminal) -> None:
    with serving({"/v1/agents/": (200, [])}) as server:
        seen = _says(
            postern,
            ["y", "my server", "", server.url, "key"],
            NO_DISCORD,
            NO_SLACK,
        )

    assert "letta.base_url (from your answer)" in seen.out
    assert _written() == {"letta": {"base_url": server.url, "api_key": "key"}}
    assert "by rule" not in seen.out


def test_who_has_nothing_to_say_changes_nothing(postern: Terminal) -> None:
    seen = _says(postern, NO_LETTA, NO_MODEL, ["y", ""], NO_SLACK)

    assert "Discord stays as it is." in seen.out
    assert _written() == {}


def test_what_the_environment_says_is_tried_and_not_asked(postern: Terminal) -> None:
    with serving({"/applications/@me": (200, BOT)}) as server:
        seen = _says(
            postern,
            NO_LETTA,
            NO_MODEL,
            NO_SLACK,
            POSTERN_DISCORD__API_URL=server.url,
            DISCORD_TOKEN="from-outside",
        )

    assert "Discord: set in the environment." in seen.out
    assert server.heard == [("/applications/@me", "Bot from-outside")]
    assert _written() == {}


def test_who_leaves_in_the_middle_leaves_no_file(postern: Terminal) -> None:
    seen = postern.answers("n\nn\ny\n", "init", "--ask")

    assert seen.code == 1
    assert not FILE.exists()


def test_nobody_is_asked_for_a_file_that_is_there(postern: Terminal) -> None:
    FILE.write_text("# mine\n")

    seen = _says(postern, NO_LETTA)

    assert (seen.code, seen.out) == (1, "")
    assert FILE.read_text() == "# mine\n"


@pytest.mark.parametrize("words", [("init",), ("init", "--no-ask")])
def test_who_is_no_person_is_not_asked(postern: Terminal, words: tuple[str, ...]) -> None:
    assert postern.types(*words).code == 0
    assert FILE.read_text() == first_file()
