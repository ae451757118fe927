"""Looks at what is kept on this machine as a whole; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.backup_manifest import MESSAGES
from gateway.cli.sqlite_file import faults, rows, schema_of
from gateway.errors import SettingsWrong, StoreUnavailable

if TYPE_CHECKING:
    from gateway.bootstrap import Kept, KeptDatabase

_AGENTS = "SELECT agent FROM binding WHERE agent IS NOT NULL"

_NAMED = """
SELECT json_extract(each.value, '$.artifact') FROM inbox, json_each(inbox.attachments) AS each
UNION
SELECT json_extract(each.value, '$.artifact')
    FROM delivery, json_each(delivery.extras, '$.files') AS each
UNION
SELECT json_extract(each.value, '$.artifact')
    FROM tool_result, json_each(tool_result.extras, '$.files') AS each
"""


def check_databases(kept: Kept) -> None:
    """Raise StoreUnavailable for one that is damaged or gone, SettingsWrong for a newer one."""
    for database in kept.databases:
        if database.path.exists():
            _check(database)
        elif database.name == MESSAGES:
            raise SettingsWrong(
                f'There is no database at "{database.path}" yet; `postern up` makes it.'
            )
        elif agents := agents_of(kept):
            raise StoreUnavailable(
                f'There is no "{database.path}", and {agents} agents with all their memory were in '
                "it. Restore a backup."
            )


def _check(database: KeptDatabase) -> None:
    found, schema = faults(database.path), schema_of(database.path)
    if found:
        raise StoreUnavailable(
            f'The database "{database.path}" is damaged: {"; ".join(found)}. Restore a backup.'
        )
    if schema > database.schema:
        raise SettingsWrong(
            f'The database "{database.path}" was written by a newer Postern (schema {schema}; '
            f"this one knows {database.schema}). Upgrade Postern."
        )


def agents_of(kept: Kept) -> int:
    """Return how many agents the messages name; none where there are no messages here.

    Raises StoreUnavailable when that can not be read.
    """
    if kept.messages is None or not kept.messages.exists():
        return 0
    return len(rows(kept.messages, _AGENTS))


def check_files(kept: Kept) -> list[str]:
    """Return sentences on the artifacts, compared with what the messages name."""
    if kept.files is None:
        return []
    is_content = kept.files.is_content
    there = {"/".join(parts) for parts, _ in kept.files.read() if is_content(parts)}
    if kept.messages is None:
        return [f"Artifacts: {len(there)}."]
    named = set(rows(kept.messages, _NAMED))
    unnamed, missing = len(there - named), len(named - there)
    return [f"Artifacts: {len(there)}. Named by no message: {unnamed}. Not there: {missing}."]
