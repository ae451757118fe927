"""The secret that a deployment is given, as settings. Every mistake is one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.scale import WORKER_MAX, WORKER_MIN, workers
from gateway.errors import SettingsWrong
from gateway.settings import Settings, load_settings

SECRET = "postern"  # noqa: S105 - its name
REQUIRED_KEYS = ("POSTERN_HTTP__ADMIN_TOKEN", "LETTA_API_KEY")
"""Without the first the web chat would be open to all; the second is where agents live."""

_FROM_OTHERS = ("MODAL_", "POSTERN_MODAL_")


def check_keys(environ: Mapping[str, str]) -> None:
    """Raise SettingsWrong for the first required key that the secret lacks."""
    for key in REQUIRED_KEYS:
        if not environ.get(key, "").strip():
            raise SettingsWrong(
                f'The secret "{SECRET}" has no {key}. Create it anew with all its keys: '
                f"`modal secret create {SECRET} --force {key}=… …`."
            )


def deployed_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of a deployment: reachable by others, so guarded; Letta is elsewhere."""
    check_keys(environ)
    ours = {key: text for key, text in environ.items() if not key.startswith(_FROM_OTHERS)}
    settings = load_settings({"POSTERN_HTTP__HOST": "0.0.0.0", **ours})  # noqa: S104 - Modal's proxy is outside
    if settings.letta.is_embedded:
        raise SettingsWrong(
            "The embedded Letta server keeps its memory on a disk that Modal throws away. "
            f'Put LETTA_API_KEY or LETTA_BASE_URL into the secret "{SECRET}".'
        )
    return settings


def worker_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the worker's own: the listener, not the worker, holds Discord's connection."""
    return {**environ, "POSTERN_DISCORD__GATEWAY": "false"}


def check_workers(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise SettingsWrong when a SQLite file would have more than one worker, or none at times."""
    least, most = workers(environ)
    if settings.sqlite_path is not None and (least, most) != (1, 1):
        raise SettingsWrong(
            f"{least} to {most} workers were deployed, and without DATABASE_URL there is exactly "
            f'one. Put the URL of a Postgres into the secret "{SECRET}", or deploy without '
            f"{WORKER_MIN} and {WORKER_MAX}."
        )
