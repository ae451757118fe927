"""What a browser keeps for us is read back whole, of its own kind, in its time, or not at all."""

from __future__ import annotations

import pytest

from adapters.web.sealed import Seal, Session
from adapters.web.sign_in import user_of

SEAL = Seal("a secret of some length", "postern session v1")
SESSION = Session(until=100, user="oidc-1", name="Ada ☃")
KEPT = SEAL.close(SESSION)


def test_what_was_sealed_is_read_back_until_it_is_over() -> None:
    assert SEAL.open(Session, KEPT, 99.9) == SESSION
    assert SEAL.open(Session, KEPT, 100) is None


def test_no_character_of_it_can_be_another() -> None:
    others = [KEPT[:n] + ("A" if c != "A" else "B") + KEPT[n + 1 :] for n, c in enumerate(KEPT)]

    assert [each for each in others if SEAL.open(Session, each, 0) is not None] == []


@pytest.mark.parametrize(
    "kept", [None, "", ".", "a", "a.b", f"{KEPT}.", f".{KEPT}", f"{KEPT}\n", KEPT[:-1] + "é", "é.é"]
)
def test_what_is_no_seal_is_none(kept: str | None) -> None:
    assert SEAL.open(Session, kept, 0) is None


@pytest.mark.parametrize("other", [Seal(SEAL.secret, "another"), Seal("another", SEAL.purpose)])
def test_another_seal_does_not_open_it(other: Seal) -> None:
    assert other.open(Session, KEPT, 0) is None


def test_a_subject_is_somebody_else_at_another_issuer_and_never_a_browsers_secret() -> None:
    users = {user_of(issuer, "1") for issuer in ("https://a.example", "https://b.example")}

    assert len(users) == 2
    assert all(user.startswith("oidc-") for user in users)
