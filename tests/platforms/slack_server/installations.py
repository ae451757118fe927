"""The app and its tokens: who a token speaks for, OAuth codes, single-use refresh tokens."""

from dataclasses import dataclass, field
from itertools import count

from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.state import Workspace

ORGANISATION = "The Organisation"
"""The name of the only one that there is."""


@dataclass(frozen=True, slots=True)
class AppConfig:
    """The one Slack app of this Slack: installed in any number of workspaces."""

    id: str = "A00000001"
    name: str = "Postern"
    client_id: str = "1111.2222"
    client_secret: str = "client-secret"
    signing_secret: str = "signing-secret"
    verification_token: str = "verification-token"
    app_token: str = "xapp-1-A00000001-token"


@dataclass(slots=True)
class Token:
    """A bot token; refused with `token_revoked` or `token_expired` once it is no longer good."""

    text: str
    workspace: Workspace
    scopes: frozenset[str]
    expires_at: float | None = None
    is_revoked: bool = False


@dataclass(slots=True)
class Installations:
    """Every token ever given out, so that old ones are told apart from unknown ones."""

    app: AppConfig
    tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    enterprise: str | None = None
    """The organisation that all workspaces are in, and install the app for at once."""
    _codes: dict[str, tuple[Workspace, str, frozenset[str]]] = field(
        default_factory=dict[str, tuple[Workspace, str, frozenset[str]]]
    )
    _used_codes: set[str] = field(default_factory=set[str])
    _refresh_tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def issue(
        self, workspace: Workspace, scopes: frozenset[str], expires_at: float | None = None
    ) -> Token:
        prefix = "xoxe.xoxb" if expires_at else "xoxb"
        token = Token(
            f"{prefix}-{workspace.id}-{next(self._numbers)}-token", workspace, scopes, expires_at
        )
        self.tokens[token.text] = token
        return token

    def authenticate(self, text: str | None, now: float) -> Token:
        """The token's meaning, or Slack's refusal."""
        if not text:
            raise Refused("not_authed")
        token = self.tokens.get(text)
        if token is None:
            raise Refused("invalid_auth")
        if token.is_revoked:
            raise Refused("token_revoked")
        if token.expires_at is not None and token.expires_at <= now:
            raise Refused("token_expired")
        return token

    def new_code(self, workspace: Workspace, user_id: str, scopes: frozenset[str]) -> str:
        code = f"{next(self._numbers)}.oauth-code"
        self._codes[code] = (workspace, user_id, scopes)
        return code

    def redeem_code(self, code: str) -> tuple[Workspace, str, frozenset[str]]:
        if code in self._used_codes:
            raise Refused("code_already_used")
        if code not in self._codes:
            raise Refused("invalid_code")
        self._used_codes.add(code)
        return self._codes.pop(code)

    def new_refresh_token(self, token: Token) -> str:
        text = f"xoxe-1-{token.workspace.id}-{next(self._numbers)}-refresh"
        self._refresh_tokens[text] = token
        return text

    def redeem_refresh_token(self, text: str) -> Token:
        """The token to renew. This works once; the old access token lives on until it expires."""
        token = self._refresh_tokens.pop(text, None)
        if token is None or token.is_revoked:
            raise Refused("invalid_refresh_token")
        return token

    def revoke(self, workspace: Workspace) -> list[Token]:
        revoked = [
            token
            for token in self.tokens.values()
            if token.workspace is workspace and not token.is_revoked
        ]
        for token in revoked:
            token.is_revoked = True
        return revoked

    def check_client(self, client_id: str | None, client_secret: str | None) -> None:
        if client_id != self.app.client_id:
            raise Refused("invalid_client_id")
        if client_secret != self.app.client_secret:
            raise Refused("bad_client_secret")
