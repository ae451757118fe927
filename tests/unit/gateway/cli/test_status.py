from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.data_dir import held
from tests.unit.gateway.cli.servers import Server, serving
from tests.unit.gateway.cli.terminal import Terminal

READY = {
    "ready": True,
    "store": {"ready": True, "state": "serves"},
    "runtime": {"ready": True, "state": "serves"},
    "channels": {"discord": {"ready": False, "state": "connects for the 3rd time"}},
}


@pytest.fixture
def gateway() -> Iterator[Server]:
    with serving({"/ready": (200, READY)}) as server:
        yield server


def test_every_part_and_channel_is_shown(postern: Terminal, gateway: Server) -> None:
    seen = postern.types("status", "--url", gateway.url)

    assert seen.code == 0
    assert [line.split(None, 2) for line in seen.out.splitlines()] == [
        ["part", "ready", "state"],
        ["gateway", "yes", gateway.url],
        ["store", "yes", "serves"],
        ["runtime", "yes", "serves"],
        ["discord", "no", "connects for the 3rd time"],
    ]


def test_mcp_servers_are_shown_with_how_they_are(postern: Terminal, gateway: Server) -> None:
    servers = {"wiki": {"ready": True, "state": "3 tools"}}
    gateway.answers["/ready"] = (200, {**READY, "mcp_servers": servers})

    seen = postern.types("status", "--url", gateway.url)

    last = seen.out.splitlines()[-1]
    assert (seen.code, last.split()) == (0, ["mcp", "wiki", "yes", "3", "tools"])


def test_json_is_what_the_gateway_says_with_its_address(postern: Terminal, gateway: Server) -> None:
    assert postern.types("status", "--json", "--url", f"{gateway.url}/").json == {
        "url": gateway.url,
        **READY,
    }


def test_a_gateway_that_is_not_ready_exits_with_1(postern: Terminal, gateway: Server) -> None:
    gateway.answers["/ready"] = (503, {**READY, "ready": False})

    seen = postern.types("status", "--url", gateway.url)

    assert seen.code == 1
    assert f"gateway  no     {gateway.url}" in seen.out


def test_the_running_gateway_is_found_by_its_data_directory(
    postern: Terminal, gateway: Server
) -> None:
    with held(Path(".postern")) as data_dir:
        data_dir.announce(gateway.url)

        assert postern.types("status", "--json").json["url"] == gateway.url


def test_no_gateway_is_one_sentence(postern: Terminal, gateway: Server) -> None:
    with serving({}) as gone:
        pass

    seen = postern.types("status", "--url", gone.url)

    assert seen.code == 1
    assert seen.err.startswith(f'No gateway answers at "{gone.url}" (')
    assert seen.err.endswith("Start one with `postern up`.\n")


@pytest.mark.parametrize("body", ["<html>", "[]", '{"status": "up"}'])
def test_something_else_at_the_address_is_one_sentence(
    postern: Terminal, gateway: Server, body: str
) -> None:
    gateway.answers["/ready"] = (200, body)

    seen = postern.types("status", "--url", gateway.url)

    assert seen.code == 1
    assert seen.err == f'What answers at "{gateway.url}" is no Postern gateway.\n'


def test_an_address_that_is_none_is_one_sentence(postern: Terminal) -> None:
    seen = postern.types("status", "--url", "nonsense")

    assert seen.code == 1
    assert "No gateway answers" in seen.err


def test_escape_sequences_of_others_do_not_reach_the_terminal(
    postern: Terminal, gateway: Server
) -> None:
    evil = {"ready": True, "store": {"ready": True, "state": "\x1b]0;owned\x07"}}
    gateway.answers["/ready"] = (200, evil)

    seen = postern.types("status", "--url", gateway.url)

    assert "\x1b" not in seen.out
    assert "owned" in seen.out
