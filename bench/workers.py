"""Processes that share a Postgres: turns a second with 1 to 4, and what kills among them do."""

from __future__ import annotations

import argparse
from dataclasses import replace

import uvloop

from bench.measuring import milliseconds
from bench.postgres import raw_round_trips, served_schema
from bench.store import machine
from tests.crash.crowd import Crowd, CrowdOptions, CrowdVerdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--seconds", type=float, default=8, help="of each measured pace")
    parser.add_argument("--minutes", type=float, default=0.25, help="of the time with kills")
    parser.add_argument("--conversations", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=50, help="messages a second, with kills")
    parser.add_argument("--kill-every", type=float, default=8, help="seconds, on average")
    parser.add_argument("--workers", type=int, default=4, help="at most")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure."""
    return {"machine": machine(), **uvloop.run(measure(arguments))}


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Let few and many work as fast as they can; then let them be killed and added."""
    figures: dict[str, object] = {}
    busy = CrowdOptions(500, arguments.seconds, pause_seconds=0, think_seconds=0)
    async with served_schema() as url:
        figures["raw_postgres_round_trip"] = await raw_round_trips(url)
    for workers in (1, 2, arguments.workers):
        async with served_schema() as url:
            verdict = await Crowd(url, replace(busy, workers=workers)).run()
        figures[f"turns_per_s_with_{workers}"] = round(verdict.turns / verdict.seconds)
        # Where cores are few, this says whether workers are in each other's way.
        cpu_ms = verdict.cpu_seconds / max(1, verdict.turns) * 1000
        figures[f"worker_cpu_ms_per_turn_with_{workers}"] = round(cpu_ms, 3)
    stormy = CrowdOptions(
        arguments.conversations,
        arguments.minutes * 60,
        pause_seconds=arguments.conversations / arguments.rate,
        workers=arguments.workers,
        kill_every_seconds=arguments.kill_every,
    )
    async with served_schema() as url:
        figures["with_kills"] = told(await Crowd(url, stormy).run())
    return figures


def told(verdict: CrowdVerdict) -> dict[str, object]:
    """Return the figures of a time with kills."""
    handed = sorted(verdict.hand_overs)
    return {
        "written": verdict.written,
        "turns": verdict.turns,
        "kills": verdict.kills,
        "taken_up_again": verdict.resumed,
        "faults": verdict.faults,
        "message_to_answer": milliseconds(verdict.waits),
        "hand_over": {**milliseconds(handed), "longest_s": round(handed[-1], 2)} if handed else {},
    }
