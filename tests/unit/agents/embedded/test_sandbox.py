import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agents.embedded.sandbox.limits import Limits
from agents.embedded.sandbox.sandbox import Outcome, Sandbox
from tests.fakes.patience import PATIENCE_SECONDS

LIMITS = Limits(
    wall_seconds=PATIENCE_SECONDS,
    cpu_seconds=1,
    memory_bytes=300_000_000,
    file_bytes=100_000,
    printed_bytes=5000,
)


async def _call(body: str, **arguments: object) -> Outcome:
    names = ", ".join(arguments)
    source = f"import os, sys, time\ndef tool({names}):\n"
    source += "".join(f"    {line}\n" for line in body.splitlines())
    return await Sandbox(LIMITS).call(source, "tool", arguments)


async def test_a_tool_answers_and_its_prints_are_kept() -> None:
    outcome = await _call("print('working')\nreturn a + b", a=2, b=3)

    assert outcome == Outcome("success", "5", "working\n", "")


async def test_an_async_tool_is_awaited() -> None:
    source = "async def tool(a: int):\n    return {'doubled': 2 * a}\n"

    outcome = await Sandbox(LIMITS).call(source, "tool", {"a": 4})

    assert outcome.text == '{"doubled": 8}'


async def test_objects_become_the_models_of_the_hints() -> None:
    source = (
        "from pydantic import BaseModel\n"
        "class Place(BaseModel):\n    city: str\n    floor: int = 3\n"
        "def tool(places: list[Place]):\n    return places[0].city, places[0].floor\n"
    )

    outcome = await Sandbox(LIMITS).call(source, "tool", {"places": [{"city": "Rome"}]})

    assert outcome.text == '["Rome", 3]'


async def test_an_exception_is_told() -> None:
    outcome = await _call("raise ValueError('no such city')")

    assert outcome.status == "error"
    assert outcome.text == "Error executing function tool: ValueError: no such city"
    assert 'File "<tool>", line 3' in outcome.stderr


async def test_an_endless_loop_is_stopped_by_its_cpu_limit() -> None:
    outcome = await _call("while True: pass")

    assert outcome.status == "error"
    assert "seconds of CPU" in outcome.text


async def test_a_tool_that_sleeps_on_is_stopped_by_the_clock() -> None:
    sandbox = Sandbox(Limits(wall_seconds=0.7))

    outcome = await sandbox.call("import time\ndef tool():\n    time.sleep(60)\n", "tool", {})

    assert outcome.text == "The tool was stopped: it was still running after 0.7 seconds."


@pytest.mark.parametrize(
    "body",
    [
        "os.fork()",
        "os.system('true')",
        "import subprocess\nsubprocess.run(['true'])",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(os.getppid(), 9)",
        "import ctypes",
    ],
)
async def test_a_tool_starts_and_kills_no_process(body: str) -> None:
    outcome = await _call(body)

    assert outcome.status == "error"
    assert "a tool may not" in outcome.text


@pytest.mark.parametrize(
    "body",
    [
        "open(path, 'w')",
        "open(path).read()",
        "os.remove(path)",
        "os.open(path, os.O_RDONLY)",
        "os.rename(path, 'mine')",
        "os.symlink(path, 'link')\nopen('link').read()",
        "os.listdir(os.path.dirname(path))",
        "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    ],
)
async def test_files_outside_its_folder_are_out_of_reach(tmp_path: Path, body: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")

    outcome = await _call(body, path=str(secret))

    assert outcome.status == "error"
    assert "PermissionError" in outcome.text
    assert secret.read_text() == "s3cret"


async def test_it_has_a_folder_of_its_own_that_is_gone_afterwards() -> None:
    outcome = await _call("open('note', 'w').write('x')\nos.mkdir('d')\nreturn os.getcwd()")

    assert outcome.status == "success"
    assert outcome.text.startswith("/")
    assert not Path(outcome.text).exists()  # noqa: ASYNC240 - one look


async def test_a_file_larger_than_allowed_is_refused() -> None:
    outcome = await _call("open('big', 'wb').write(b'x' * 1_000_000)")

    assert "File too large" in outcome.text


async def test_more_memory_than_allowed_is_refused() -> None:
    outcome = await _call("return len(bytearray(2_000_000_000))")

    assert "MemoryError" in outcome.text


async def test_endless_printing_is_stopped() -> None:
    outcome = await _call("while True: print('x' * 1000)")

    assert outcome.text == "The tool was stopped: it printed more than 5000 bytes."
    assert len(outcome.stdout) <= 5000


async def test_the_servers_environment_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    outcome = await _call("return sorted(os.environ)")

    assert "TMPDIR" in outcome.text
    assert "OPENAI" not in outcome.text


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return object()", "<object object at"),
        ("return float('nan')", "nan"),
        ("return {1: {2}}", "{1: {2}}"),
        ("return None", "None"),
    ],
)
async def test_rubbish_is_answered_as_text(body: str, told: str) -> None:
    outcome = await _call(body)

    assert outcome.status == "success"
    assert told in outcome.text


@pytest.mark.parametrize("rubbish", ["[]", "not json", '{"status": 3}'])
async def test_a_forged_result_does_no_harm(rubbish: str) -> None:
    outcome = await _call(f"open('result.json', 'w').write({rubbish!r})\nos._exit(0)")

    assert outcome.status == "error"


async def test_a_long_answer_is_cut() -> None:
    sandbox = Sandbox(Limits(answer_characters=10))

    outcome = await sandbox.call("def tool():\n    return 'x' * 50\n", "tool", {})

    assert outcome.text == f"{'x' * 10}… [40 characters left out]"


async def test_a_cancelled_call_leaves_no_process() -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(hold, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    source = (
        "import socket, time\n"
        f"def tool():\n    line = socket.create_connection(('127.0.0.1', {port}))\n"
        "    time.sleep(60)\n"
    )
    call = asyncio.ensure_future(Sandbox(LIMITS).call(source, "tool", {}))
    async with asyncio.timeout(PATIENCE_SECONDS), server:
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        await ended.wait()


CLOSED = replace(LIMITS, has_network=False)


@pytest.mark.parametrize(
    "body",
    [
        "import _socket\n_socket.socket(2, 1, 0)",
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "import socket\nsocket.getaddrinfo('localhost', 80)",
        "os.fork()",
        "import _posixsubprocess\n_posixsubprocess.fork_exec(*range(23))",
    ],
)
async def test_without_a_network_a_tool_neither_connects_nor_starts_anything(body: str) -> None:
    source = f"import os\ndef tool():\n    {body.replace(chr(10), chr(10) + '    ')}\n"

    outcome = await Sandbox(CLOSED).call(source, "tool", {})

    assert outcome.status == "error"


@pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux' kernel")
async def test_the_kernel_refuses_sockets_to_whoever_gets_past_python() -> None:
    source = "import _socket\ndef tool():\n    _socket.socket(2, 1, 0)\n"

    outcome = await Sandbox(CLOSED).call(source, "tool", {})

    assert "[Errno 1] Operation not permitted" in outcome.text


async def test_without_a_network_threads_and_event_loops_still_work() -> None:
    source = "import asyncio\nasync def tool():\n    return await asyncio.to_thread(lambda: 42)\n"

    outcome = await Sandbox(CLOSED).call(source, "tool", {})

    assert outcome.text == "42"
