"""What an operator asks of the deployment: `modal run deploy/modal_cli.py::status`.

An app of its own, with nothing in it: running it starts no part of the gateway.
"""

# Modal types its remote calls in part only.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from pathlib import Path

import modal

NAME = "postern"

app = modal.App(f"{NAME}-cli")
data = modal.Volume.from_name("postern-data", create_if_missing=True)


@app.local_entrypoint()
def wake(agent: str = "") -> None:
    """Run all schedules of an agent now; without one, let the deployed app do a minute's work."""
    if not agent:
        _say(json.dumps(modal.Function.from_name(NAME, "tick").remote(), indent=2))
        return
    worker = modal.Cls.from_name(NAME, "Worker")
    woken: list[str] = list(worker().wake.remote(agent))
    names = ", ".join(f'"{name}"' for name in woken)
    _say(f"Woken by {names}." if woken else f'No schedule wakes an agent "{agent}".')


@app.local_entrypoint()
def status() -> None:
    """Tell how the deployed worker is."""
    worker = modal.Cls.from_name(NAME, "Worker")
    _say(json.dumps(worker().report.remote(), indent=2))


@app.local_entrypoint()
def logs(agent: str, lines: int = 50) -> None:
    """Print what an agent did by itself, the newest last, a JSON line for each slot."""
    worker = modal.Cls.from_name(NAME, "Worker")
    found: list[dict[str, object]] = list(worker().activity.remote(agent, lines))
    _say("\n".join(json.dumps(each) for each in found) or f'"{agent}" did nothing by itself yet.')


@app.local_entrypoint()
def init_roster(file: str = "postern.toml") -> None:
    """Check the settings file with its agents, and put it where workers read it at their start."""
    from gateway.errors import SettingsWrong
    from gateway.settings import load_settings

    try:
        found = load_settings({}, Path(file))
    except SettingsWrong as error:
        raise SystemExit(str(error)) from None
    with data.batch_upload(force=True) as batch:
        batch.put_file(file, "/config/postern.toml")
    names = ", ".join(agent.name for agent in found.agents)
    _say(f"{file} is on the Volume, with these agents: {names}.")


def _say(text: str) -> None:
    print(text)  # noqa: T201 - what a command prints
