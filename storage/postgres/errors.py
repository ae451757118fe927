"""How Postgres' errors become ours. A password in the URL is never part of a sentence."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from gateway.errors import PosternError, SettingsWrong, StoreUnavailable
from storage.postgres.client import ClientError, InterfaceError, PostgresError

_BY_STATE = {
    "25006": "is read-only",
    "53100": "can not grow: its disk is full",
    "53200": "is out of memory",
    "53300": "has no connection left: too many clients",
    "55P03": "is locked by another process",
    "57014": "took too long to answer",
    "57P01": "is shutting down",
    "57P02": "is restarting after a crash",
    "57P03": "is starting up",
    "57P05": "closed a connection that was idle for too long",
}
_BY_CLASS = {
    "08": "is not reachable",
    "28": "does not let this user in",
    "40": "is too busy with others",
    "53": "lacks resources",
    "57": "was stopped by its operator",
    "58": "can not be read or written",
    "XX": "is damaged",
}
_TO_BE_SET = {
    "28000": "does not let this user in",
    "28P01": "does not accept the password",
    "3D000": "does not exist",
    "3F000": "has no such schema",
    "42501": "does not let this user make tables",
    "22023": "does not know a setting of the URL",
    "42704": "does not know a setting of the URL",
    "0A000": "lacks something that Postern needs; it must be Postgres 13 or newer",
}
_OURS = ("22", "23")
"""Classes of errors that speak of one operation's values, not of the database."""

AGAIN = ("40001", "40P01")
"""Two transactions were in each other's way, and this one was rolled back: run it again."""


def name_of(url: str) -> str:
    """Return host, port and database of the URL, which is all that a sentence may show."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or 5432
    except ValueError:
        return "postgresql://…"
    return f"{host}:{port}/{unquote(parts.path.lstrip('/'))}"


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE of the error; empty where there is none."""
    return str(getattr(error, "sqlstate", None) or "")


def is_about_the_database(error: BaseException) -> bool:
    """Say whether the database failed, rather than the operation that asked it."""
    if isinstance(error, PostgresError):
        return not state_of(error).startswith(_OURS)
    if isinstance(error, InterfaceError):
        return not isinstance(error, ValueError)  # a DataError: a value that can not be sent
    return isinstance(error, OSError | ClientError)


def unavailable(name: str, error: BaseException) -> StoreUnavailable:
    """Return our error for something that failed for the database's sake."""
    return StoreUnavailable(f'The database "{name}" {_what(error)} ({first_line(error)}).')


def not_usable(name: str, error: BaseException) -> PosternError:
    """Return our error for a database that could not be opened."""
    what = _TO_BE_SET.get(state_of(error))
    if what is None:
        return unavailable(name, error)
    return SettingsWrong(
        f'The database "{name}" {what} ({first_line(error)}). '
        "Correct database_url, or the database."
    )


def _what(error: BaseException) -> str:
    state = state_of(error)
    if isinstance(error, ConnectionRefusedError):
        return "refuses connections: is it running?"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, OSError | InterfaceError | ClientError):
        return "is not reachable"
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or "failed"


def first_line(error: BaseException) -> str:
    """Return the first line of what the error says."""
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
