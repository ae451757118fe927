"""Signing in at the web door by OpenID Connect: begun, ended, and kept as a signed session."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.web.guard import TurnedAway
from adapters.web.id_tokens import SignedIn, TokenRefused
from adapters.web.provider import Provider, ProviderOptions
from adapters.web.sealed import Attempt, Seal, Session
from adapters.web.sessions import Visitor, visitor_of
from gateway.ports import Clock

log = logging.getLogger(__name__)

ATTEMPT_SECONDS = 600
"""How long somebody may take at the provider."""
_REMEMBERED = 10_000
"""Sign-ins that ended, each of which ends once."""
_LONGEST_CODE = 4_000

_AGAIN = "Begin again."


@dataclass(frozen=True, slots=True)
class SignInOptions:
    """Which provider, and how what it says is kept."""

    provider: ProviderOptions
    session_secret: str
    """What sessions are signed with; a new one ends them all."""
    session_seconds: int
    terminal: str | None = None
    """The user that this machine's own terminal is, which has no browser to sign in with."""


class SignIn:
    """Lets browsers in whom the provider knows.

    A person is known by the issuer and its `sub`, never by a name or an address: both
    can be given to somebody else one day. Sessions are signed and kept by browsers, so
    that every process reads them; they end by time, by signing out, or for all by a
    new `session_secret`.
    """

    def __init__(self, options: SignInOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._provider = Provider(options.provider)
        self._attempts = Seal(options.session_secret, "postern sign-in v1")
        self._sessions = Seal(options.session_secret, "postern session v1")
        self._ended: OrderedDict[str, None] = OrderedDict()

    @property
    def session_seconds(self) -> int:
        """How long a session is good for."""
        return self._options.session_seconds

    async def begin(self, redirect_uri: str) -> tuple[str, str]:
        """Return where to send the browser, and what it keeps until it comes back.

        Raises ProviderTrouble.
        """
        attempt = Attempt(
            until=self._now() + ATTEMPT_SECONDS,
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
        )
        address = await self._provider.sign_in_url(
            {
                "redirect_uri": redirect_uri,
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": _challenge(attempt.verifier),
                "code_challenge_method": "S256",
            }
        )
        return address, self._attempts.close(attempt)

    async def end(self, query: Mapping[str, str], kept: str | None) -> str:
        """Return the session of a browser that came back. Raises TurnedAway, ProviderTrouble."""
        attempt = self._attempts.open(Attempt, kept, self._now())
        state, code = query.get("state", ""), query.get("code", "")
        if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode()):
            raise TurnedAway(
                400, f"This sign-in was not begun in this browser, or is over. {_AGAIN}"
            )
        if not self._is_first(attempt.state):
            raise TurnedAway(400, f"This sign-in has ended already. {_AGAIN}")
        if "error" in query or not 0 < len(code) <= _LONGEST_CODE:
            raise TurnedAway(403, f"The sign-in provider did not let you in. {_AGAIN}")
        token = await self._provider.exchange(code, attempt.verifier, attempt.redirect_uri)
        try:
            person = await self._provider.verified(token, attempt.nonce, self._now())
        except TokenRefused as error:
            log.warning("sign_in_refused", extra={"reason": str(error)})
            raise TurnedAway(403, f"{error} {_AGAIN}") from error
        return self._session_of(person)

    def visitor(self, kept: str | None) -> Visitor | None:
        """Return who a browser is by what it keeps; None for who has to sign in."""
        session = self._sessions.open(Session, kept, self._now())
        if session is not None:
            return Visitor(session.user, session.name)
        own = visitor_of(kept)
        return own if own is not None and own.user == self._options.terminal else None

    def _session_of(self, person: SignedIn) -> str:
        user = user_of(self._options.provider.issuer, person.subject)
        log.info("signed_in", extra={"user": user})
        until = self._now() + self._options.session_seconds
        return self._sessions.close(Session(until=until, user=user, name=person.name))

    def _is_first(self, state: str) -> bool:
        """Whether nothing has ended this sign-in yet, as far as this process knows.

        Where there are several, the provider takes each code once.
        """
        if state in self._ended:
            return False
        self._ended[state] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        return True

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def user_of(issuer: str, subject: str) -> str:
    """Return the user that a provider's person is here. Pure.

    It has a mark of its own, so that it is never the user of a browser's secret.
    """
    digest = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:32]
    return f"oidc-{digest}"


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
