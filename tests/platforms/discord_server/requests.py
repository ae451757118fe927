"""A request as handlers see it, its answer, and the log of all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.platforms.discord_server.errors import not_found
from tests.platforms.discord_server.state import Upload
from tests.platforms.discord_server.wire import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON; no body for 204; raw bytes for files."""

    status: int = 200
    body: Json | list[Json] | None = None
    raw: bytes | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict[str, str])


NO_CONTENT = Answer(204)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read to its end."""

    method: str
    path: str
    """Without /api/v10."""

    params: dict[str, str]
    """From the path, by the names in the route's template."""

    query: dict[str, str]
    # object: JSON of any kind; handlers ask for `form` or `items`.
    body: object
    uploads: dict[int, Upload] = field(default_factory=dict[int, Upload])
    """Files of a multipart body, by the number in files[n]."""

    authorization: str | None = None

    def id(self, name: str) -> int:
        """Give an id of the path; one that is no number is an unknown route's 404."""
        value = self.params[name]
        if not value.isdecimal():
            raise not_found()
        return int(value)

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("1", "true")


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    handler: Handler
    needs_token: bool = True
    counts_globally: bool = True
    """False: interaction endpoints, which Discord leaves out of the global limit."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


@dataclass(slots=True)
class LoggedRequest:
    """One request and how it ended. Status None: the client saw no answer."""

    at: float
    call: Call
    route: str
    status: int | None = None
    body: Json | list[Json] | None = None
    """Of the answer."""
    carried_out: bool = False
    trouble: str | None = None


class RequestLog:
    """Every request since the start, oldest first."""

    def __init__(self) -> None:
        self.entries: list[LoggedRequest] = []

    def find(self, where: str) -> list[LoggedRequest]:
        """Give requests like "POST /channels/*/messages"; * matches anything."""
        method, _, pattern = where.partition(" ")
        return [
            entry
            for entry in self.entries
            if method in ("*", entry.call.method) and fnmatchcase(entry.call.path, pattern)
        ]

    def count(self, where: str) -> int:
        return len(self.find(where))
