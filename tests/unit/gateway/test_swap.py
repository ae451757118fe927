from pathlib import Path

import pytest

from gateway.errors import SettingsWrong
from gateway.swap import Move, begin, finish, is_begun


@pytest.fixture
def moves(tmp_path: Path) -> list[Move]:
    """An old file and an old folder go aside, and new ones come."""
    (tmp_path / "db").write_text("old")
    (tmp_path / ".db.new").write_text("new")
    for name, text in (("files", "old"), (".files.new", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(text)
    pairs = [("db", "db.1"), (".db.new", "db"), ("files", "files.1"), (".files.new", "files")]
    return [(tmp_path / old, tmp_path / new) for old, new in pairs]


def texts(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in found}


DONE = {"db": "new", "db.1": "old", "files/a": "new", "files.1/a": "old"}


def test_moves_are_made_in_their_order_and_leave_no_trace(
    tmp_path: Path, moves: list[Move]
) -> None:
    begin(tmp_path, moves)

    assert texts(tmp_path) == DONE
    assert not is_begun(tmp_path)


@pytest.mark.parametrize("made", range(5))
def test_what_a_crash_cut_short_is_carried_on(tmp_path: Path, moves: list[Move], made: int) -> None:
    blocker = tmp_path / "none" / "x"
    blocker.parent.mkdir()
    blocker.touch()
    blocked: Move = (blocker, tmp_path / "gone" / "x")
    with pytest.raises(SettingsWrong, match="was cut short, and can not go on"):
        begin(tmp_path, [*moves[:made], blocked, *moves[made:]])
    assert is_begun(tmp_path)

    (tmp_path / "gone").mkdir()
    finish(tmp_path)

    assert texts(tmp_path) == DONE | {"gone/x": ""}
    assert not is_begun(tmp_path)


def test_a_second_finish_changes_nothing(tmp_path: Path, moves: list[Move]) -> None:
    begin(tmp_path, moves)

    finish(tmp_path)

    assert texts(tmp_path) == DONE
