import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.data_dir import LOCK_NAME, Holder, held, holder, prepare
from gateway.errors import SettingsWrong
from tests.fakes.patience import PATIENCE_SECONDS

HOLD = """
import pathlib, sys
from gateway.data_dir import held
with held(pathlib.Path(sys.argv[1])) as data_dir:
    data_dir.announce("http://127.0.0.1:8080")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "data"


@pytest.fixture
def other(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the directory until its stdin is closed."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "held\n"
        yield run
        run.kill()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refusal(path: Path) -> str:
    with pytest.raises(SettingsWrong) as caught, held(path):
        pass
    return str(caught.value)


def test_the_directory_is_made_for_this_user_alone(path: Path) -> None:
    with held(path):
        assert mode_of(path) == 0o700


def test_a_wider_directory_of_ours_is_closed(path: Path) -> None:
    path.mkdir(parents=True)
    path.chmod(0o755)

    with held(path):
        assert mode_of(path) == 0o700


def test_a_folder_of_other_things_is_not_changed_but_refused(path: Path) -> None:
    path.mkdir(parents=True)
    path.chmod(0o755)
    (path / "thesis.txt").write_text("years of work")

    assert refusal(path) == (
        f'data_dir is "{path}", which holds other files and is open to other users; name a folder '
        f'of its own, such as "{path}/postern", or close it with `chmod 700`.'
    )
    assert mode_of(path) == 0o755


def test_a_private_folder_may_hold_other_things(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True)
    (path / "notes.txt").write_text("fine")

    with held(path) as data_dir:
        assert data_dir.path == path


def test_who_holds_it_can_be_read(path: Path) -> None:
    with held(path) as data_dir:
        assert holder(path) == Holder(os.getpid(), None)
        data_dir.announce("http://127.0.0.1:8080")
        assert holder(path) == Holder(os.getpid(), "http://127.0.0.1:8080")
        data_dir.announce(None)
        assert json.loads((path / LOCK_NAME).read_text()) == {"pid": os.getpid(), "url": None}
        assert mode_of(path / LOCK_NAME) & 0o444 == 0o444


def test_nobody_holds_what_is_free(path: Path) -> None:
    assert holder(path) is None
    with held(path):
        pass
    assert holder(path) is None


def test_looking_does_not_take_the_lock_away(path: Path) -> None:
    with held(path):
        holder(path)

        assert "runs in" in refusal(path)


def test_a_second_gateway_is_refused_with_pid_and_address(
    path: Path, other: subprocess.Popen[str]
) -> None:
    assert refusal(path) == (
        f'A gateway runs in "{path}" already: process {other.pid}, which answers at '
        "http://127.0.0.1:8080. Stop it first, or set data_dir (POSTERN_DATA_DIR) to another "
        "folder."
    )
    assert holder(path) == Holder(other.pid, "http://127.0.0.1:8080")


def test_a_gateway_that_was_killed_holds_nothing(path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait(timeout=PATIENCE_SECONDS)

    with held(path):
        assert holder(path) == Holder(os.getpid(), None)


def test_it_can_be_held_again_after_it_was_let_go(path: Path) -> None:
    with held(path):
        pass

    with held(path):
        pass


def test_a_failure_while_it_is_held_lets_go(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(path):
        _ = 1 / 0

    assert holder(path) is None


def test_a_file_in_its_place_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("I am a file")

    assert refusal(path) == (
        f'data_dir is "{path}", which is a file and not a folder; name another place, or move the '
        "file away."
    )


def test_a_place_below_a_file_is_told(path: Path) -> None:
    path.parent.write_text("I am a file")

    assert refusal(path).startswith(f'data_dir is "{path}", which can not be used: Not a directory')


def test_a_directory_that_can_not_be_written_is_told() -> None:
    """/proc refuses new files even to root, so that this holds for every user."""
    assert refusal(Path("/proc/postern")).startswith(
        'data_dir is "/proc/postern", which can not be used: '
    )


def test_a_link_in_place_of_the_lock_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.mkdir(mode=0o700, parents=True)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (path / LOCK_NAME).symlink_to(victim)

    assert "can not be used" in refusal(path)
    assert victim.read_text() == "precious"


def test_what_a_restore_left_to_do_is_done_before_a_command_opens_the_database(
    path: Path,
) -> None:
    path.mkdir(mode=0o700, parents=True)
    (path / ".postern.db.restored").write_text("restored")
    moves = [[str(path / ".postern.db.restored"), str(path / "postern.db")]]
    (path / "swap.json").write_text(json.dumps(moves))

    prepare(path)

    assert (path / "postern.db").read_text() == "restored"
    assert not (path / "swap.json").exists()


def test_nobody_opens_a_database_that_another_process_is_restoring(path: Path) -> None:
    with held(path):
        (path / "swap.json").write_text("[]")

        with pytest.raises(SettingsWrong, match="Stop it first"):
            prepare(path)
