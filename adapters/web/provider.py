"""The sign-in provider as we call it: what it offers, its keys, and a code's exchange.

Nothing it says is believed before `id_tokens.py` has verified it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

import httpx
from pydantic import BaseModel, Field, ValidationError

from adapters.web.id_tokens import Expected, Key, SignedIn, key_id, parse_keys, verify
from gateway.errors import RetryLater

ANSWER_LIMIT_BYTES = 500_000
PATIENCE_SECONDS = 10.0
"""For each call, to its end."""

_BASIC = "client_secret_basic"


class ProviderTrouble(RetryLater):
    """The sign-in provider can not be reached, or says what nobody can use."""


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """Which provider, and as what application we are known there."""

    issuer: str
    """Without a slash at its end."""
    client_id: str
    client_secret: str | None = None
    """None for an application without one: PKCE alone shows that the code is ours."""
    scopes: str = "openid profile"
    keep_seconds: float = 3_600.0
    """How long what the provider offers is believed, and its keys."""
    renew_seconds: float = 30.0
    """An unknown key makes us look for new ones, but no more often than this."""


class _Offer(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = (_BASIC,)


class _Tokens(BaseModel):
    id_token: Annotated[str, Field(max_length=ANSWER_LIMIT_BYTES)]


class Provider:
    """One provider of OpenID Connect, by the authorization code flow with PKCE."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options
        self._offer: _Offer | None = None
        self._offer_at = 0.0
        self._keys: list[Key] = []
        self._keys_at: float | None = None
        self._looking = asyncio.Lock()
        self._trouble: tuple[float, ProviderTrouble] | None = None
        """The last look that failed, and when."""

    async def sign_in_url(self, asked: Mapping[str, str]) -> str:
        """Return where a browser is sent to sign in. Raises ProviderTrouble."""
        offer = await self._known()
        fixed = {
            "response_type": "code",
            "client_id": self._options.client_id,
            "scope": self._options.scopes,
        }
        joint = "&" if urlsplit(offer.authorization_endpoint).query else "?"
        return f"{offer.authorization_endpoint}{joint}{urlencode({**fixed, **asked})}"

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the ID token, unverified, for a code. Raises ProviderTrouble."""
        offer = await self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        secret, client_id = self._options.client_secret, self._options.client_id
        if secret is not None and _BASIC in offer.token_endpoint_auth_methods_supported:
            headers["Authorization"] = _basic(client_id, secret)
        else:
            form |= {"client_id": client_id}
            form |= {} if secret is None else {"client_secret": secret}
        answer = await _ask("POST", offer.token_endpoint, headers, form)
        try:
            return _Tokens.model_validate_json(answer).id_token
        except ValidationError:
            raise ProviderTrouble("The sign-in provider gave no ID token.") from None

    async def verified(self, token: str, nonce: str, now: float) -> SignedIn:
        """Return who has signed in. Raises TokenRefused and ProviderTrouble."""
        offer = await self._known()
        keys = await self._known_keys(offer, key_id(token))
        return verify(token, keys, Expected(offer.issuer, self._options.client_id, nonce, now))

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncGenerator[float]:
        """Look one after the other, and give the moment; who waited shares what went wrong.

        Else everybody who came while a provider hangs would wait for it in turn.
        """
        came_at = _moment()
        async with self._looking:
            if self._trouble is not None and self._trouble[0] >= came_at:
                raise ProviderTrouble(str(self._trouble[1]))
            try:
                yield _moment()
            except ProviderTrouble as error:
                self._trouble = _moment(), error
                raise

    async def _known(self) -> _Offer:
        async with self._alone() as now:
            if self._offer is None or now - self._offer_at > self._options.keep_seconds:
                self._offer, self._offer_at = await self._discover(), now
            return self._offer

    async def _discover(self) -> _Offer:
        address = f"{self._options.issuer}/.well-known/openid-configuration"
        try:
            offer = _Offer.model_validate_json(await _ask("GET", address))
        except ValidationError:
            raise ProviderTrouble("What the sign-in provider offers can not be read.") from None
        if offer.issuer.rstrip("/") != self._options.issuer:
            raise ProviderTrouble(
                "The sign-in provider calls itself by another name than oidc.issuer."
            )
        scheme = urlsplit(self._options.issuer).scheme
        for used in (offer.authorization_endpoint, offer.token_endpoint, offer.jwks_uri):
            if urlsplit(used).scheme not in ("https", scheme):
                raise ProviderTrouble("The sign-in provider offers an address without TLS.")
        return offer

    async def _known_keys(self, offer: _Offer, wanted: str | None) -> list[Key]:
        """Return the provider's keys, read anew when they are old, or lack what is wanted."""
        options = self._options
        async with self._alone() as now:
            age = None if self._keys_at is None else now - self._keys_at
            is_there = wanted is None or any(key.kid == wanted for key in self._keys)
            longest = options.keep_seconds if is_there else options.renew_seconds
            if age is None or age >= longest:
                self._keys, self._keys_at = parse_keys(await _ask("GET", offer.jwks_uri)), now
            return self._keys


def _moment() -> float:
    return asyncio.get_running_loop().time()


async def _ask(
    method: str,
    address: str,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> bytes:
    """Make one call. Redirects are not followed: what is asked may be secret."""
    try:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client,
            client.stream(method, address, headers=headers, data=form) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_LIMIT_BYTES:
                    raise ProviderTrouble("The sign-in provider says too much.")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        kind = type(error).__name__
        raise ProviderTrouble(f"The sign-in provider can not be reached ({kind}).") from error
    if response.status_code != 200:
        raise ProviderTrouble(f"The sign-in provider refused ({response.status_code}).")
    return bytes(body)


def _basic(client_id: str, secret: str) -> str:
    # Both are form-encoded first: RFC 6749, section 2.3.1.
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
