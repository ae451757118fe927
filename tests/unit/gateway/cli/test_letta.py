import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.fakes.patience import PATIENCE_SECONDS
from tests.unit.gateway.cli.terminal import Terminal

EVERYWHERE = "0.0.0.0"  # noqa: S104 - asked for, and refused
ROOT = Path(__file__).parents[4]
ANOTHER = (
    "take another file: data_dir says where a gateway has it, --data where `postern letta serve` "
    "has it.\n"
)
REMEDY = f"Stop that one, or {ANOTHER}"


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *words]


def environment(data_dir: Path) -> dict[str, str]:
    places = {"PYTHONPATH": str(ROOT), "POSTERN_DATA_DIR": str(data_dir)}
    return {**places, "PATH": os.environ["PATH"], "POSTERN_HTTP__PORT": "0"}


@contextmanager
def running(data_dir: Path, ready: str, *words: str) -> Generator[int]:
    """Run a command as a process that says when it is ready; yields its number, then kills it."""
    with subprocess.Popen(
        command(*words), env=environment(data_dir), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            while not process.stderr.readline().startswith(ready):
                assert process.poll() is None
            yield process.pid
        finally:
            process.kill()


def serving(data_dir: Path, data: Path) -> AbstractContextManager[int]:
    return running(data_dir, "Serving", "letta", "serve", "--port", "0", "--data", str(data))


def refusal(data_dir: Path, *words: str) -> str:
    """Run a command that is refused; return what it says."""
    refused = subprocess.run(
        command(*words),
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert refused.returncode == 1
    return refused.stderr


def serve(data_dir: Path, data: Path) -> str:
    return refusal(data_dir, "letta", "serve", "--port", "0", "--data", str(data))


def test_beyond_this_machine_a_token_is_needed(postern: Terminal) -> None:
    seen = postern.types("letta", "serve", "--host", EVERYWHERE)

    assert seen.code == 1
    assert seen.err == (
        'Other machines can reach "0.0.0.0", and there is no token to ask them for; set '
        "LETTA_API_KEY to a long random text, or leave --host out.\n"
    )


def test_a_port_that_is_none_is_wrong_usage(postern: Terminal) -> None:
    assert postern.types("letta", "serve", "--port", "65536").code == 2


def test_a_second_server_on_a_file_is_refused_by_whatever_name_it_knows_it(tmp_path: Path) -> None:
    data, link = tmp_path / "agents.db", tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(data)

    with serving(tmp_path / "one", data) as pid:
        told = [serve(tmp_path / "two", each) for each in (data, link)]

    assert told == [
        f'The agents\' database "{each}" is in use by process {pid}. {REMEDY}'
        for each in (data, link)
    ]


def test_a_server_and_a_gateway_do_not_share_a_file(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    data = home / "letta.db"

    with running(home, "Ready at", "up") as gateway:
        to_server = serve(elsewhere, data)
    with serving(elsewhere, data) as server:
        to_gateway = refusal(home, "up")

    sentence = f'The agents\' database "{data}" is in use by process'
    assert to_server == f"{sentence} {gateway}. {REMEDY}"
    assert to_gateway == f"{sentence} {server}. {REMEDY}"


def test_agents_that_a_server_of_elsewhere_serves_are_not_restored(tmp_path: Path) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup.tar"
    home.mkdir(mode=0o700)
    backup.write_text("not looked at")
    data = home / "letta.db"

    with serving(tmp_path / "elsewhere", data) as server:
        told = refusal(home, "db", "restore", str(backup))

    assert told == f'The agents\' database "{data}" is in use by process {server}. {REMEDY}'


def test_what_no_agents_can_be_in_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder, broken, loop = (tmp_path / name for name in ("folder", "broken.db", "loop"))
    folder.mkdir()
    broken.write_text("not a database" * 100)
    loop.symlink_to(loop)
    below = broken / "letta.db"

    told = [serve(tmp_path / "home", data) for data in (folder, broken, loop, below)]

    assert told == [
        f'The agents\' database "{data}" can not be used: {why}. Put that right, or {ANOTHER}'
        for data, why in (
            (folder, "it is a folder"),
            (broken, "file is not a database"),
            (loop, "Too many levels of symbolic links"),
            (below, f'"{broken}" is no folder and can not become one (File exists)'),
        )
    ]
    assert broken.read_text() == "not a database" * 100


def test_where_nobody_may_write_there_are_no_agents(tmp_path: Path) -> None:
    told = serve(tmp_path, Path("/proc/letta.db"))

    assert told.startswith(
        'The agents\' database "/proc/letta.db" can not be used, because "/proc/letta.db.lock" can '
        "not be written: "
    )
    assert told.endswith(f". Put that right, or {ANOTHER}")


def test_the_data_directorys_own_file_is_held_as_by_a_gateway(tmp_path: Path) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup.tar"
    backup.write_text("not looked at")

    with serving(home, home / "letta.db") as server:
        told = refusal(home, "db", "restore", str(backup))

    assert told.startswith(f'A gateway runs in "{home}" already: process {server}. Stop it first')
