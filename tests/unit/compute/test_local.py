"""Foreign code on this machine: its answers, and what it can not do to us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap.muscle import make_backend
from gateway.domain.compute import Job, Outcome, RunLimits
from gateway.settings import Settings
from tests.fakes.patience import PATIENCE_SECONDS

LIMITS = RunLimits(seconds=PATIENCE_SECONDS, memory_bytes=300_000_000, answer_characters=1_000)
BACKEND = make_backend(Settings())


async def run(body: str, *args: Any, **kwargs: Any) -> Outcome:
    """Run a function of this body over `given` and `named`."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = f"import os, sys, time\ndef f(*given, **named):\n{lines}"
    arguments = json.dumps({"args": args, "kwargs": kwargs})
    return await BACKEND.run(Job(source, "f", arguments, LIMITS))


async def test_a_result_comes_back_as_json_with_what_was_printed() -> None:
    outcome = await run("print('hello')\nreturn [given, named, None, 1.5]", 1, "ä", key=[True])

    assert outcome.is_done
    assert json.loads(outcome.text) == [[1, "ä"], {"key": [True]}, None, 1.5]
    assert outcome.printed == "hello\n"


@pytest.mark.parametrize("name", ["json", "order", "called", "given", "exec"])
async def test_a_function_may_have_any_name(name: str) -> None:
    job = Job(f"def {name}(x):\n    return x", name, '{"args": [7], "kwargs": {}}', LIMITS)

    assert await BACKEND.run(job) == Outcome(True, "7")


async def test_an_async_function_is_awaited() -> None:
    source = "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5"

    assert (await BACKEND.run(Job(source, "f", limits=LIMITS))).text == "5"


async def test_an_exception_is_a_sentence_with_its_line_and_no_path_of_ours() -> None:
    outcome = await run("x = 1\nraise ValueError('no such thing')")

    assert (outcome.is_done, outcome.text) == (False, "ValueError: no such thing")
    assert outcome.printed == "line 4, in f\n"


@pytest.mark.parametrize("value", ["{1}", "float('nan')", "object()", "lambda: 1"])
async def test_a_result_that_is_no_json_is_a_failure(value: str) -> None:
    outcome = await run(f"return {value}")

    assert not outcome.is_done
    assert outcome.text.startswith(("TypeError", "ValueError"))


async def test_a_result_without_end_is_a_failure() -> None:
    assert (await run("return 'x' * 2_000")).text == "The result has more than 1,000 characters."
    assert not (await run("return 'x' * 1_000_000_000")).is_done


async def test_what_it_prints_without_end_stops_it() -> None:
    outcome = await run("for _ in range(1_000_000): print('x' * 1_000)")

    assert not outcome.is_done
    assert "printed more than" in outcome.text


async def test_a_loop_without_end_is_killed() -> None:
    source = "def f():\n    while True: pass"
    limits = RunLimits(seconds=1)

    outcome = await BACKEND.run(Job(source, "f", limits=limits))

    assert not outcome.is_done
    assert "It was stopped" in outcome.text


@pytest.mark.parametrize(
    "body",
    [
        "while True: os.fork()",
        "import subprocess\nsubprocess.run(['/bin/true'])",
        "os.system('true')",
        "import multiprocessing\np = multiprocessing.Process(target=print)\np.start()",
        "import _socket\n_socket.socket()",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1')",
        "import ctypes\nctypes.CDLL(None)",
        "os.kill(os.getppid(), 9)",
        "open('/etc/passwd').read()",
        "os.symlink('/etc/passwd', 'here')\nopen('here').read()",
        "open('../escaped', 'w')",
        "os.listdir('/')",
        "x = bytearray(2_000_000_000)",
    ],
)
async def test_it_reaches_nothing_outside(body: str) -> None:
    outcome = await run(body)

    assert not outcome.is_done


async def test_it_sees_none_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERN_SECRET_THING", "hush")

    outcome = await run("return dict(os.environ)")

    assert outcome.is_done
    assert "hush" not in outcome.text
    assert set(json.loads(outcome.text)) <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE"}


async def test_its_folder_is_gone_after_it() -> None:
    outcome = await run("open('mine', 'w').write('x')\nreturn os.getcwd()")

    assert not _is_there(json.loads(outcome.text))


@pytest.mark.parametrize(
    "answer",
    ["not json", '{"done": 1}', '{"done": "{"}', "[]", "null", '{"failed": 3}'],
)
async def test_an_answer_that_it_forged_is_no_result(answer: str) -> None:
    outcome = await run(
        f"open('result.json', 'w').write({json.dumps(json.dumps({'value': answer}))})\nos._exit(0)"
    )

    assert not outcome.is_done


async def test_a_script_prints_and_has_no_result() -> None:
    outcome = await BACKEND.run(Job("import sys\nprint(2 + 2)\nsys.exit()", None, limits=LIMITS))

    assert outcome == Outcome(True, "null", "4\n")


async def test_a_script_that_is_no_python_is_told_so() -> None:
    outcome = await BACKEND.run(Job("print(", None, limits=LIMITS))

    assert not outcome.is_done
    assert outcome.text.startswith("SyntaxError")


def _is_there(folder: str) -> bool:
    return Path(folder).exists()
