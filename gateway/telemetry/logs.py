"""Logs: an event's name and its ids, as JSON lines or for eyes. No handler shows a secret."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from gateway.telemetry.redaction import Redactor
from gateway.telemetry.traces import WithTrace

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest came by `extra`."""

_TALKATIVE = ("discord", "slack_bolt", "slack_sdk", "httpx", "httpcore", "openai", "uvicorn")
"""Libraries that tell at INFO what we tell ourselves."""


def set_up_logging(
    *,
    secrets: Iterable[str] = (),
    level: int = logging.INFO,
    stream: TextIO | None = None,
    is_json: bool | None = None,
) -> logging.Handler:
    """Send all logs to `stream` (stderr by default), and return the handler that does it.

    Without `is_json`, a terminal gets lines for eyes, and anything else JSON.
    Called again it replaces its earlier handler.
    """
    target = stream or sys.stderr
    shows_json = not target.isatty() if is_json is None else is_json
    handler = _OurHandler(target)
    handler.setFormatter(JsonLines() if shows_json else LinesForEyes())
    handler.addFilter(WithTrace())
    handler.addFilter(WithoutSecrets(Redactor(secrets)))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _OurHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    return handler


class _OurHandler(logging.StreamHandler[TextIO]):
    """Tells the handler that we set up from those of others."""


class WithoutSecrets(logging.Filter):
    """Takes secrets out of a record: message, arguments, extra fields and traceback."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redact = redactor.redact
        self._traceback = logging.Formatter().formatException

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place, and always let it pass."""
        record.msg = self._redact(_message_of(record))
        record.args = None
        if record.exc_info:
            record.exc_text = record.exc_text or self._traceback(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self._redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self._redact(record.stack_info)
        for name, value in _extra_of(record).items():
            setattr(record, name, self._redacted(value))
        return True

    def _redacted(self, value: object) -> object:
        """Numbers stay numbers; everything else becomes a text, and is looked through."""
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._redact(str(value))


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, event, logger, and the ids."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback is a field of its own."""
        fields = {
            "at": _moment(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **_extra_of(record),
        }
        trace = _trace_of(self, record)
        if trace:
            fields["traceback"] = trace
        return json.dumps(fields, ensure_ascii=False, default=str)


class LinesForEyes(logging.Formatter):
    """`14:03:11 warning delivery_settled delivery=turn-7.0 attempt=2`, in local time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows on lines of its own."""
        clock = _moment(record).astimezone().strftime("%H:%M:%S")
        level = record.levelname.lower()
        ids = "".join(f" {name}={value}" for name, value in _extra_of(record).items())
        line = f"{clock} {level:<7} {record.getMessage()}{ids}"
        trace = _trace_of(self, record)
        return f"{line}\n{trace}" if trace else line


def _message_of(record: logging.LogRecord) -> str:
    """Return the message; one whose arguments do not fit must not end the program."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def _extra_of(record: logging.LogRecord) -> Mapping[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    if record.exc_info and not record.exc_text:
        return formatter.formatException(record.exc_info)
    return record.exc_text


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
