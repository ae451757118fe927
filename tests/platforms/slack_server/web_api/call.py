"""One Web API call as a method sees it, and how a method says what it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.platforms.slack_server.installations import Token
from tests.platforms.slack_server.interactions import Interactions
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json, is_list, is_object
from tests.platforms.slack_server.socket_mode import Sockets
from tests.platforms.slack_server.state import User, Workspace
from tests.platforms.slack_server.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments and surroundings of one call; `token` is None for methods without a bot token."""

    world: World
    interactions: Interactions
    sockets: Sockets
    args: Json
    token: Token | None

    @property
    def workspace(self) -> Workspace:
        assert self.token is not None, "only for methods with a bot token"
        return self.token.workspace

    def text(self, name: str) -> str | None:
        """A text argument, None when it is absent; invalid_arguments when it is no text."""
        value = self.args.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        raise Refused("invalid_arguments", f"must be a string [json-pointer:/{name}]")

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Refused(
                "invalid_arguments", f"missing required field: {name} [json-pointer:/{name}]"
            )
        return value

    def flag(self, name: str) -> bool:
        return self.args.get(name) in (True, "true", "True", "1", 1)

    def objects(self, name: str, code: str = "invalid_arguments") -> list[Json]:
        """A list of objects, empty when it is absent."""
        value = self.args.get(name)
        if value is None:
            return []
        if not is_list(value) or not all(is_object(item) for item in value):
            raise Refused(code)
        return value

    def number(self, name: str, default: int, most: int) -> int:
        value = self.args.get(name, default)
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise Refused("invalid_limit") from error
        if not 0 < number <= most:
            raise Refused("invalid_limit")
        return number

    def user(self, name: str = "user") -> User:
        found = self.workspace.users.get(self.required(name))
        if found is None:
            raise Refused("user_not_found")
        return found


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method. `scopes`: any one of them is enough; none needed when empty."""

    handle: Callable[[Call], Json]
    scopes: tuple[str, ...] = ()
    auth: Literal["bot", "app", "client"] = "bot"


Methods = dict[str, Method]


def ok(**fields: Any) -> Json:  # Any: JSON values
    return {"ok": True, **fields}
