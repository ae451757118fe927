from tests.unit.gateway.cli.terminal import Terminal

EVERYWHERE = "0.0.0.0"  # noqa: S104 - asked for, and refused


def test_beyond_this_machine_a_token_is_needed(postern: Terminal) -> None:
    seen = postern.types("letta", "serve", "--host", EVERYWHERE)

    assert seen.code == 1
    assert seen.err == (
        'Other machines can reach "0.0.0.0", and there is no token to ask them for; set '
        "LETTA_API_KEY to a long random text, or leave --host out.\n"
    )


def test_a_port_that_is_none_is_wrong_usage(postern: Terminal) -> None:
    assert postern.types("letta", "serve", "--port", "65536").code == 2
