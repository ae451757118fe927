"""The few lines that run with foreign code, wherever that runs: call it, answer in JSON.

They say of an exception only what lies in the foreign code itself.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from gateway.domain.compute import Job, Outcome, RunLimits

ENTRY: Final = "__postern_run__"
_RUN: Final = """

def __postern_run__(order):
    import asyncio, inspect, json, sys, traceback
    def called(given):
        if given["function"] is None:
            exec(compile(given["source"], "<code>", "exec"), {"__name__": "__main__"})
            return None
        value = globals()[given["function"]](*given["args"], **given["kwargs"])
        async def awaited():
            return await value
        return asyncio.run(awaited()) if inspect.isawaitable(value) else value
    try:
        given = json.loads(order)
        answer = {"done": json.dumps(called(given), allow_nan=False)}
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code and given["function"] is None:
            return json.dumps({"done": "null"})
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if f.filename in ("<code>", "<tool>") and f.name != "called"]
        for frame in own[1:]:
            print(f"line {frame.lineno}, in {frame.name}", file=sys.stderr)
        answer = {"failed": f"{type(error).__name__}: {error}"[:4000]}
    return json.dumps(answer)
"""


def program_of(job: Job) -> str:
    """Return the source that defines `ENTRY`; a script stays data and is no part of it."""
    return _RUN if job.function is None else job.source + _RUN


def order_of(job: Job) -> str:
    """Return the JSON with which `ENTRY` is called."""
    given = cast("dict[str, Any]", json.loads(job.arguments))  # checked where it came in
    source = job.source if job.function is None else ""
    return json.dumps({**given, "function": job.function, "source": source})


def read_answer(text: str, printed: str, limits: RunLimits) -> Outcome:
    """Read what `ENTRY` answered: foreign code has had it in its hands."""
    most = limits.answer_characters
    try:
        answer: object = json.loads(text)
    except (ValueError, RecursionError):
        return Outcome(False, f"The result has more than {most:,} characters.", printed)
    told = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
    done, failed = told.get("done"), told.get("failed")
    if isinstance(done, str) and _is_json(done):
        if len(done) > most:
            return Outcome(False, f"The result has more than {most:,} characters.", printed)
        return Outcome(True, done, printed)
    sentence = failed if isinstance(failed, str) else "The code left no readable answer."
    return Outcome(False, sentence[:4000], printed)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
