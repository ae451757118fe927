"""Refusals, with Discord's status, code and text.

Codes and texts: Discord's reference, "Opcodes and Status Codes", "JSON".
"""

from tests.platforms.discord_server.wire import Json

_KNOWN: dict[int, tuple[int, str]] = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (404, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20012: (403, "You are not authorized to perform this action on this application"),
    30010: (400, "Maximum number of reactions reached (20)"),
    30032: (400, "Maximum number of application commands reached (100)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
}


class Refusal(Exception):
    """A request that Discord would not carry out, with the JSON it answers."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.body: Json = {"message": message, "code": code}
        if errors is not None:
            self.body["errors"] = errors


def refuse(code: int) -> Refusal:
    """Make the refusal of a known JSON error code."""
    status, message = _KNOWN[code]
    return Refusal(status, code, message)


def unauthorized() -> Refusal:
    return Refusal(401, 0, "401: Unauthorized")


def not_found() -> Refusal:
    return Refusal(404, 0, "404: Not Found")


def method_not_allowed() -> Refusal:
    return Refusal(405, 0, "405: Method Not Allowed")


def not_carried(what: str) -> Refusal:
    """Refuse what Discord has and this server has not, loudly and never silently."""
    return Refusal(501, 0, f"The test server does not carry {what}")


class FormErrors:
    """Collects what is wrong with a body, by path, and makes Discord's 50035 of it."""

    def __init__(self) -> None:
        self._found: list[tuple[tuple[str, ...], str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: tuple[str, ...], code: str, message: str) -> None:
        self._found.append((path, code, message))

    def extend(self, path: tuple[str, ...], other: "FormErrors") -> None:
        """Take over another's findings, below a path."""
        self._found += [((*path, *inner), code, text) for inner, code, text in other._found]

    def raise_if_any(self) -> None:
        """Raise `Refusal` 400/50035 with the tree of errors, if there are any."""
        if not self._found:
            return
        tree: Json = {}
        for path, code, message in self._found:
            node = tree
            for step in path:
                node = node.setdefault(step, {})
            node.setdefault("_errors", []).append({"code": code, "message": message})
        raise Refusal(400, 50035, "Invalid Form Body", tree)


def bad_field(path: tuple[str, ...], code: str, message: str) -> Refusal:
    """Make the 50035 of one field."""
    errors = FormErrors()
    errors.add(path, code, message)
    try:
        errors.raise_if_any()
    except Refusal as refusal:
        return refusal
    raise AssertionError("one error was added")
