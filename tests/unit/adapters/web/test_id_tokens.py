"""Of all tokens, only the right one of the right provider for this very sign-in is believed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.id_tokens import (
    KEYS_LIMIT,
    TOKEN_LIMIT,
    Expected,
    Key,
    SignedIn,
    TokenRefused,
    key_id,
    parse_keys,
    verify,
)
from tests.fakes.oidc_provider import Claims, PrivateKey, public_jwk, signed, text_of

RSA_KEY = rsa.generate_private_key(65_537, 2_048)
CURVE_KEY = ec.generate_private_key(ec.SECP256R1())
KEYS = parse_keys(
    json.dumps({"keys": [public_jwk(RSA_KEY, "rsa"), public_jwk(CURVE_KEY, "curve")]}).encode()
)
NOW = 1_800_000_000.0
EXPECTED = Expected("https://id.example.org", "postern", "nonce-1", NOW)
HEADER: Claims = {"alg": "RS256", "kid": "rsa"}
CLAIMS: Claims = {
    "iss": "https://id.example.org",
    "sub": "248289761001",
    "aud": "postern",
    "iat": NOW - 5,
    "exp": NOW + 300,
    "nonce": "nonce-1",
    "name": "Ada  Lovelace",
}


def refused(token: str, keys: Sequence[Key] = KEYS, expected: Expected = EXPECTED) -> str:
    with pytest.raises(TokenRefused) as caught:
        verify(token, keys, expected)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "header"), [(RSA_KEY, HEADER), (CURVE_KEY, {"alg": "ES256", "kid": "curve"})]
)
def test_a_right_token_is_believed(key: PrivateKey, header: Claims) -> None:
    token = signed(key, header, CLAIMS)

    assert verify(token, KEYS, EXPECTED) == SignedIn("248289761001", "Ada Lovelace")
    assert key_id(token) == header["kid"]


def test_a_token_without_a_key_id_is_checked_with_the_only_key_of_its_kind() -> None:
    token = signed(RSA_KEY, {"alg": "RS256"}, CLAIMS)
    twice = parse_keys(
        json.dumps({"keys": [public_jwk(RSA_KEY, "1"), public_jwk(RSA_KEY, "2")]}).encode()
    )

    assert verify(token, KEYS, EXPECTED).subject == "248289761001"
    assert "a key that its provider does not have" in refused(token, twice)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "RS512", "PS256", "ES384", "", None]
)
def test_other_algorithms_are_refused(algorithm: str | None) -> None:
    token = signed(RSA_KEY, {**HEADER, "alg": algorithm}, CLAIMS)

    assert refused(token) == "The ID token is not signed with RS256 or ES256."


def test_an_unsigned_token_is_refused() -> None:
    head, body, _ = signed(RSA_KEY, {"alg": "none"}, CLAIMS).split(".")

    assert "no signed ID token" in refused(f"{head}.{body}.")
    assert "no signed ID token" in refused(f"{head}.{body}")


def test_a_public_key_is_no_secret_to_sign_with() -> None:
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for algorithm in ("HS256", "RS256"):
        head = text_of(json.dumps({"alg": algorithm, "kid": "rsa"}).encode())
        body = text_of(json.dumps(CLAIMS).encode())
        forged = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()

        refused(f"{head}.{body}.{text_of(forged)}")


def test_a_key_of_another_kind_is_not_tried() -> None:
    token = signed(CURVE_KEY, {"alg": "ES256", "kid": "rsa"}, CLAIMS)

    assert "a key that its provider does not have" in refused(token)


@pytest.mark.parametrize("kid", ["other", "RSA", ""])
def test_an_unknown_key_is_refused(kid: str) -> None:
    assert "does not have" in refused(signed(RSA_KEY, {**HEADER, "kid": kid}, CLAIMS))


def test_the_signature_of_another_key_is_refused() -> None:
    others = rsa.generate_private_key(65_537, 2_048)
    curve = ec.generate_private_key(ec.SECP256R1())

    assert "does not fit" in refused(signed(others, HEADER, CLAIMS))
    assert "does not fit" in refused(signed(curve, {"alg": "ES256", "kid": "curve"}, CLAIMS))


def test_changed_claims_are_refused() -> None:
    head, _, signature = signed(RSA_KEY, HEADER, CLAIMS).split(".")
    body = text_of(json.dumps({**CLAIMS, "sub": "1"}).encode())

    assert "does not fit" in refused(f"{head}.{body}.{signature}")


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_an_es256_signature_has_64_bytes(length: int) -> None:
    head, body, _ = signed(CURVE_KEY, {"alg": "ES256", "kid": "curve"}, CLAIMS).split(".")

    refused(f"{head}.{body}.{text_of(bytes(length))}")


def test_zeros_are_no_signature() -> None:
    head, body, _ = signed(CURVE_KEY, {"alg": "ES256", "kid": "curve"}, CLAIMS).split(".")

    assert "does not fit" in refused(f"{head}.{body}.{text_of(bytes(64))}")


@pytest.mark.parametrize(
    ("claim", "value", "why"),
    [
        ("iss", "https://evil.example", "of another issuer"),
        ("iss", "https://id.example.org/", "of another issuer"),
        ("aud", "other", "for another application"),
        ("aud", ["other"], "for another application"),
        ("aud", [], "for another application"),
        ("aud", ["postern", "other"], "was given to another application"),
        ("azp", "other", "was given to another application"),
        ("exp", NOW - 60, "is over"),
        ("iat", NOW + 61, "of a moment to come"),
        ("nbf", NOW + 61, "of a moment to come"),
        ("nonce", "nonce-0", "of another sign-in"),
        ("nonce", "", "of another sign-in"),
        ("nonce", "nönce", "of another sign-in"),
    ],
)
def test_what_a_token_says_has_to_be_right(claim: str, value: object, why: str) -> None:
    assert why in refused(signed(RSA_KEY, HEADER, {**CLAIMS, claim: value}))


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "iat", "nonce"])
@pytest.mark.parametrize("value", [None, {}, True])
def test_what_a_token_must_say_can_not_be_missing(claim: str, value: object) -> None:
    without = {name: said for name, said in CLAIMS.items() if name != claim}

    assert "lacks a claim" in refused(signed(RSA_KEY, HEADER, without))
    assert "lacks a claim" in refused(signed(RSA_KEY, HEADER, {**CLAIMS, claim: value}))


@pytest.mark.parametrize("value", ["9999999999", 1e300, -1])
def test_a_moment_is_a_number_that_can_be_one(value: object) -> None:
    assert "lacks a claim" in refused(signed(RSA_KEY, HEADER, {**CLAIMS, "exp": value}))


@pytest.mark.parametrize("subject", ["", "x" * 256])
def test_a_subject_has_from_1_to_255_characters(subject: str) -> None:
    assert "lacks a claim" in refused(signed(RSA_KEY, HEADER, {**CLAIMS, "sub": subject}))


def test_two_audiences_need_to_say_for_whom_it_is() -> None:
    both = {**CLAIMS, "aud": ["other", "postern"], "azp": "postern"}

    assert verify(signed(RSA_KEY, HEADER, both), KEYS, EXPECTED).subject == "248289761001"


def test_the_token_of_an_earlier_sign_in_is_refused() -> None:
    token = signed(RSA_KEY, HEADER, CLAIMS)
    verify(token, KEYS, EXPECTED)

    assert "of another sign-in" in refused(token, expected=replace(EXPECTED, nonce="nonce-2"))


def test_what_is_critical_and_not_understood_is_refused() -> None:
    refused(signed(RSA_KEY, {**HEADER, "crit": ["exp"]}, CLAIMS))


def test_a_name_that_comes_twice_is_refused() -> None:
    head, _, _ = signed(RSA_KEY, HEADER, CLAIMS).split(".")
    doubled = text_of(b'{"alg":"none","alg":"RS256","kid":"rsa"}')
    _, body, signature = signed(RSA_KEY, HEADER, CLAIMS).split(".")

    assert head != doubled
    assert "can not be read" in refused(f"{doubled}.{body}.{signature}")


def test_weak_keys_are_not_used() -> None:
    weak = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 - that is the point
    keys = parse_keys(json.dumps({"keys": [public_jwk(weak, "rsa")]}).encode())

    assert "can not be used" in refused(signed(weak, HEADER, CLAIMS), keys)


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"n": None},
        {"n": "!"},
        {"e": "AA"},
        {"e": ""},
    ],
)
def test_a_key_that_is_for_something_else_or_broken_is_not_used(change: dict[str, object]) -> None:
    keys = parse_keys(json.dumps({"keys": [{**public_jwk(RSA_KEY, "rsa"), **change}]}).encode())

    refused(signed(RSA_KEY, HEADER, CLAIMS), keys)


@pytest.mark.parametrize("bits", [9_000, 100_000])
def test_keys_that_take_long_to_try_are_not_tried(bits: int) -> None:
    long = {
        **public_jwk(RSA_KEY, "rsa"),
        "n": text_of((2**bits + 1).to_bytes(bits // 8 + 1, "big")),
    }
    keys = parse_keys(json.dumps({"keys": [long]}).encode())

    assert "can not be used" in refused(signed(RSA_KEY, HEADER, CLAIMS), keys)


def test_a_key_set_has_so_many_keys_and_no_more() -> None:
    jwk = public_jwk(RSA_KEY, "rsa")

    assert len(parse_keys(json.dumps({"keys": [jwk] * KEYS_LIMIT}).encode())) == KEYS_LIMIT
    with pytest.raises(TokenRefused):
        parse_keys(json.dumps({"keys": [jwk] * (KEYS_LIMIT + 1)}).encode())


def test_a_key_of_another_curve_is_not_used() -> None:
    other = {**public_jwk(CURVE_KEY, "curve"), "crv": "P-384"}
    keys = parse_keys(json.dumps({"keys": [other]}).encode())

    assert "can not be used" in refused(
        signed(CURVE_KEY, {"alg": "ES256", "kid": "curve"}, CLAIMS), keys
    )


def test_a_clock_may_be_a_minute_off() -> None:
    token = signed(RSA_KEY, HEADER, {**CLAIMS, "exp": NOW - 59, "iat": NOW + 59})

    assert verify(token, KEYS, EXPECTED).name == "Ada Lovelace"


def test_a_point_beside_the_curve_is_no_key() -> None:
    off = {**public_jwk(CURVE_KEY, "curve"), "y": text_of(bytes(31) + b"\x01")}
    keys = parse_keys(json.dumps({"keys": [off]}).encode())

    assert "can not be used" in refused(
        signed(CURVE_KEY, {"alg": "ES256", "kid": "curve"}, CLAIMS), keys
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 7}', b'{"keys": [7]}', b"\xff"])
def test_a_broken_key_set_is_refused(body: bytes) -> None:
    with pytest.raises(TokenRefused):
        parse_keys(body)


def test_keys_that_can_not_be_read_are_left_out() -> None:
    keys = parse_keys(json.dumps({"keys": [{"kty": 7}, public_jwk(RSA_KEY, "rsa")]}).encode())

    assert [key.kid for key in keys] == ["rsa"]


def test_an_endless_token_is_not_read() -> None:
    assert "no signed ID token" in refused("a." + "b" * TOKEN_LIMIT + ".c")


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{1,40}\.[\w-]{1,40}\.[\w-]{1,40}"))
def test_whatever_comes_is_refused_with_a_sentence(token: str) -> None:
    assert refused(token).endswith(".")


@pytest.mark.parametrize("name", [None, 7, ["x"], "\x00\n ", ""])
def test_a_name_is_only_for_reading(name: object) -> None:
    claims = {**CLAIMS, "name": name, "preferred_username": "ada"}

    assert verify(signed(RSA_KEY, HEADER, claims), KEYS, EXPECTED).name == "ada"


@pytest.mark.parametrize("claim", ["sub", "nonce", "iss", "name"])
def test_half_a_character_breaks_nothing(claim: str) -> None:
    """JSON can hold what no text can: whoever encodes it later would fail."""
    token = signed(RSA_KEY, HEADER, {**CLAIMS, claim: "a\ud800"})

    if claim == "name":
        assert verify(token, KEYS, EXPECTED).name == "a"
    else:
        refused(token)


def test_a_name_is_short() -> None:
    token = signed(RSA_KEY, HEADER, {**CLAIMS, "name": "A" * 500})

    assert verify(token, KEYS, EXPECTED).name == "A" * 80
