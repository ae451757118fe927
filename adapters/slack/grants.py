"""What workspaces have granted the app by OAuth: sealed at rest, and renewed before they end.

Slack's own pages on it: docs.slack.dev/authentication/installing-with-oauth and
/using-token-rotation. A refresh token works once, so one renewal runs at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from adapters.slack import web_api
from adapters.slack.answers import Granted, Introduced
from adapters.slack.options import OAuth
from adapters.slack.order import ChannelOrder
from adapters.slack.recent import Recent
from adapters.slack.sessions import Sessions
from adapters.slack.web_api import Json
from gateway.domain.ids import WorkerId
from gateway.domain.installations import Installation
from gateway.errors import (
    DeliveryRefused,
    OutcomeUnknown,
    PosternError,
    Refused,
    RetryLater,
    StoreUnavailable,
)
from gateway.ports import Clock, Store

log = logging.getLogger(__name__)

_ACCESS = "oauth.v2.access"

RENEW_BEFORE = timedelta(hours=2)
"""A grant of twelve hours is renewed when so much is left."""
LEASE = timedelta(seconds=30)
"""Longer than a renewal can take: of two, one would lose the refresh token."""
LOOK_AGAIN_SECONDS = 0.2
LOOKS = 50
KEEP_AGAIN_SECONDS = (0.1, 0.5, 1.0, 2.0, 4.0)
"""How long to wait between tries to store what was renewed."""
TRY_AGAIN_SECONDS = 60.0
"""After a renewal failed, the grant is used as it is for so long."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A token, and who it speaks for."""

    workspace: str
    """The team, or the enterprise when the app is in all of its teams."""
    name: str
    user: str
    """The app's own user id there."""
    bot: str
    """The id that its messages carry as `bot_id`."""
    token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    """Seconds since 1970; None for a token that stays."""

    def is_due(self, now: datetime) -> bool:
        """Whether it should be renewed."""
        return self.is_over(now + RENEW_BEFORE)

    def is_over(self, now: datetime) -> bool:
        """Whether Slack takes the token no more."""
        return self.expires_at is not None and self.expires_at <= now.timestamp()


class Seal:
    """Encrypts grants with a key that is made from a secret of the settings."""

    def __init__(self, secret: str) -> None:
        key = hashlib.blake2b(
            secret.encode(), digest_size=SecretBox.KEY_SIZE, person=b"slack grant"
        )
        self._box = SecretBox(key.digest())

    def close(self, grant: Grant) -> bytes:
        """Return the grant as only this secret can read it."""
        return bytes(self._box.encrypt(json.dumps(asdict(grant)).encode()))

    def open(self, installation: Installation) -> Grant:
        """Read it back. Raises DeliveryRefused when another secret, or nobody, has closed it."""
        try:
            grant = Grant(**json.loads(self._box.decrypt(installation.sealed)))
        except CryptoError as error:
            raise _unreadable(installation.workspace) from error
        if grant.workspace != installation.workspace:
            raise _unreadable(installation.workspace)
        return grant


@dataclass(frozen=True, slots=True)
class _Held:
    installation: Installation
    grant: Grant


@dataclass(frozen=True, slots=True)
class _Failure:
    """A renewal that did not come about, and when (seconds of the event loop)."""

    at: float
    error: PosternError


class Grants:
    """The grants of all workspaces. Nothing is kept here: other processes change them too."""

    def __init__(self, oauth: OAuth, sessions: Sessions, store: Store, clock: Clock) -> None:
        self._oauth = oauth
        self._sessions = sessions
        self._installations, self._leases = store.installations, store.leases
        self._clock = clock
        self._seal = Seal(oauth.state_secret)
        self._holder = WorkerId(f"slack-{secrets.token_hex(8)}")
        self._renewing = ChannelOrder()
        self._failures: Recent[str, _Failure] = Recent()

    async def find(self, workspace: str) -> Grant | None:
        """Return the workspace's grant as it stands; None where there is none to be read."""
        try:
            held = await self._find(workspace)
        except DeliveryRefused as error:
            log.warning("grant_not_read", extra={"workspace": workspace, "error": str(error)})
            return None
        return None if held is None else held.grant

    async def good(self, workspace: str) -> Grant | None:
        """Return the grant, renewed when it is near its end.

        Raises RetryLater while that is not possible, and DeliveryRefused when the
        workspace has to install the app again.
        """
        held = await self._find(workspace)
        if held is None or not self._is_to_be_renewed(held.grant):
            return None if held is None else held.grant
        async with self._renewing.turn(workspace):
            return await self._renewed(workspace)

    async def install(self, code: str) -> Grant:
        """Trade a code that Slack gave for a grant, and keep it.

        Raises Refused when Slack does not take the code, RetryLater when it can not
        be asked, OutcomeUnknown when its answer is odd or lost, StoreUnavailable.
        """
        args = {**self._client_args(), "code": code}
        if self._oauth.redirect_uri is not None:
            args["redirect_uri"] = self._oauth.redirect_uri
        granted = await self._submit(args)
        client = self._sessions.web_client(granted.access_token)
        who = web_api.answered(Introduced, "auth.test", await web_api.read(client, "auth.test", {}))
        now = self._clock.now()
        grant = Grant(
            workspace=granted.workspace,
            name=who.team or who.enterprise or "Slack",
            user=who.user_id,
            bot=who.bot_id,
            **_tokens(granted, now),
        )
        sealed = self._seal.close(grant)
        await self._installations.put(Installation("slack", grant.workspace, sealed, now), now)
        return grant

    async def end(self, workspace: str, reason: str, at: datetime) -> None:
        """Forget a workspace that took the app out at this moment (of whole seconds)."""
        until = at + timedelta(seconds=1)
        if await self._installations.end("slack", workspace, reason, until, self._clock.now()):
            log.warning("workspace_left", extra={"workspace": workspace, "reason": reason})

    async def _find(self, workspace: str) -> _Held | None:
        found = await self._installations.get("slack", workspace)
        return None if found is None else _Held(found, self._seal.open(found))

    def _is_to_be_renewed(self, grant: Grant) -> bool:
        """Whether to try now. Raises why not, when a token that is over was tried just before."""
        now = self._clock.now()
        if not grant.is_due(now):
            return False
        failure = self._failures.get(grant.workspace)
        if failure is None or _seconds() >= failure.at + TRY_AGAIN_SECONDS:
            return True
        if grant.is_over(now):
            raise _ended(grant, failure.error)
        return False

    async def _renewed(self, workspace: str) -> Grant | None:
        """Renew the grant, unless another task or process has done so meanwhile."""
        place = f"slack renewal {workspace}"
        for _ in range(LOOKS):
            held = await self._find(workspace)
            if held is None or not self._is_to_be_renewed(held.grant):
                return None if held is None else held.grant
            now = self._clock.now()
            lease = await self._leases.take(place, self._holder, now, LEASE)
            if lease is not None:
                try:
                    return await self._renew(workspace)
                finally:
                    await self._leases.let_go(place, lease, self._clock.now())
            if not held.grant.is_over(now):
                return held.grant
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        raise RetryLater(f'Another process renews the token of the workspace "{workspace}".')

    async def _renew(self, workspace: str) -> Grant | None:
        """Trade the refresh token in, under the lease; a failure matters when the token is over."""
        held = await self._find(workspace)
        if held is None or not held.grant.is_due(self._clock.now()):
            return None if held is None else held.grant
        try:
            return await self._trade(held)
        except (RetryLater, OutcomeUnknown, Refused) as error:
            self._failures.put(workspace, _Failure(_seconds(), error))
            log.warning("grant_not_renewed", extra={"workspace": workspace, "error": str(error)})
            if not held.grant.is_over(self._clock.now()):
                return held.grant
            raise _ended(held.grant, error) from error

    async def _trade(self, held: _Held) -> Grant:
        grant = held.grant
        refresh_token = grant.refresh_token or ""
        granted = await self._submit(
            {
                **self._client_args(),
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
            }
        )
        now = self._clock.now()
        renewed = Grant(grant.workspace, grant.name, grant.user, grant.bot, **_tokens(granted, now))
        if not await self._keep(held.installation, renewed, now):
            # Installed anew, or taken out, while Slack was asked.
            newest = await self.find(grant.workspace)
            if newest is None:
                raise DeliveryRefused(f'The app was taken out of "{grant.workspace}".')
            return newest
        return renewed

    async def _keep(self, old: Installation, renewed: Grant, now: datetime) -> bool:
        """Store a renewed grant; False when there is a newer one.

        A store that is away for a moment is asked again, within the lease: the
        refresh token of before is spent, and what is not stored is lost.
        """
        sealed = self._seal.close(renewed)
        for wait in KEEP_AGAIN_SECONDS:
            try:
                return await self._installations.renew(old, sealed, now)
            except StoreUnavailable as error:
                log.warning("renewed_grant_not_kept_yet", extra={"error": str(error)})
                await asyncio.sleep(wait)
        return await self._installations.renew(old, sealed, now)

    def _client_args(self) -> dict[str, str]:
        return {"client_id": self._oauth.client_id, "client_secret": self._oauth.client_secret}

    async def _submit(self, args: Json) -> Granted:
        client = self._sessions.web_client(None)
        answer = await web_api.submit(client, _ACCESS, args)
        return web_api.answered(Granted, _ACCESS, answer)


def _tokens(granted: Granted, now: datetime) -> dict[str, Any]:
    lasts = granted.expires_in
    return {
        "token": granted.access_token,
        "refresh_token": granted.refresh_token,
        "expires_at": None if lasts is None else now.astimezone(UTC).timestamp() + lasts,
    }


def _unreadable(workspace: str) -> DeliveryRefused:
    return DeliveryRefused(
        f'What the Slack workspace "{workspace}" has granted can not be read with this '
        "slack.state_secret. Set the one it was stored with, or install the app there again."
    )


def _ended(grant: Grant, error: Exception) -> DeliveryRefused | RetryLater:
    if isinstance(error, Refused):
        return DeliveryRefused(
            f'The token of the Slack workspace "{grant.name}" is over and was not renewed '
            f"({error}). Install the app there again."
        )
    return RetryLater(f'The token of "{grant.name}" is over; Slack renews it later, perhaps.')


def _seconds() -> float:
    return asyncio.get_running_loop().time()
