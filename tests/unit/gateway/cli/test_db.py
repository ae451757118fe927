import contextlib
import sqlite3
import stat
import tarfile
from pathlib import Path

from gateway.cli.sqlite_file import faults
from gateway.data_dir import held
from tests.unit.gateway.cli.terminal import Terminal

DATABASE = Path(".postern/postern.db")


def test_migrate_makes_the_database_in_a_private_directory(postern: Terminal) -> None:
    seen = postern.types("db", "migrate")

    assert (seen.code, seen.out) == (0, "The database is up to date.\n")
    assert faults(DATABASE) == []
    assert stat.S_IMODE(DATABASE.parent.stat().st_mode) == 0o700


def test_migrate_again_changes_nothing(postern: Terminal) -> None:
    postern.types("db", "migrate")

    assert postern.types("db", "migrate").code == 0


def test_a_sound_database_is_whole(postern: Terminal) -> None:
    postern.types("db", "migrate")

    assert postern.types("db", "check").out == (
        "The database is whole.\nArtifacts: 0. Named by no message: 0. Not there: 0.\n"
    )


def test_a_missing_database_is_not_made_by_a_check(postern: Terminal) -> None:
    seen = postern.types("db", "check")

    assert seen.code == 1
    assert seen.err == (
        'There is no database at ".postern/postern.db" yet; `postern up` makes it.\n'
    )
    assert not DATABASE.exists()


def test_a_damaged_database_is_one_sentence(postern: Terminal) -> None:
    postern.types("db", "migrate")
    content = bytearray(DATABASE.read_bytes())
    content[4096 : 4096 * 12] = b"\xff" * (4096 * 11)
    DATABASE.write_bytes(content)

    seen = postern.types("db", "check")

    assert seen.code == 1
    assert seen.err.startswith('The database ".postern/postern.db" is damaged: ')
    assert seen.err.count("\n") == 1


def test_a_backup_holds_a_database_like_the_first(postern: Terminal) -> None:
    postern.types("db", "migrate")

    seen = postern.types("db", "backup", "backup.tar")

    assert seen.out.startswith("backup.tar holds postern.db (")
    with tarfile.open("backup.tar") as backup:
        backup.extract("postern.db", filter="data")
    assert postern.types("db", "check", DATABASE_URL="sqlite:///postern.db").code == 0


def test_a_backup_without_a_name_gets_the_moments(postern: Terminal) -> None:
    postern.types("db", "migrate")

    seen = postern.types("db", "backup")

    (made,) = Path().glob("postern-2*.tar")
    assert seen.out.startswith(f"{made} holds ")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_a_backup_replaces_nothing(postern: Terminal) -> None:
    postern.types("db", "migrate")
    Path("backup.db").write_text("precious")

    seen = postern.types("db", "backup", "backup.db")

    assert seen.code == 1
    assert Path("backup.db").read_text() == "precious"


def test_a_postgres_is_backed_up_by_its_own_tool(postern: Terminal) -> None:
    seen = postern.types("db", "backup", "x.db", DATABASE_URL="postgresql://db.example/postern")

    assert seen.code == 1
    assert "pg_dump" in seen.err


def _texts() -> list[str]:
    with contextlib.closing(sqlite3.connect(DATABASE)) as database:
        return [text for (text,) in database.execute("SELECT text FROM delivery ORDER BY seq")]


def _post(postern: Terminal, text: str) -> None:
    assert postern.types("send", text, "--to", "discord:dm:99").code == 0


def test_a_restored_backup_holds_what_it_held(postern: Terminal) -> None:
    _post(postern, "first")
    postern.types("db", "backup", "backup.db")
    DATABASE.unlink()

    seen = postern.types("db", "restore", "backup.db")

    assert (seen.code, seen.out.splitlines()[0]) == (
        0,
        "Restored from backup.db: postern.db, artifacts.",
    )
    assert _texts() == ["first"]


def test_a_backup_that_would_lose_messages_is_refused(postern: Terminal) -> None:
    _post(postern, "first")
    postern.types("db", "backup", "backup.db")
    _post(postern, "second")

    seen = postern.types("db", "restore", "backup.db")

    assert seen.code == 1
    assert seen.err.startswith(
        'The database ".postern/postern.db" holds 1 messages that came or went after "backup.db"'
    )
    assert _texts() == ["first", "second"]


def test_a_forced_restore_keeps_the_database_aside(postern: Terminal) -> None:
    _post(postern, "first")
    postern.types("db", "backup", "backup.db")
    _post(postern, "second")

    seen = postern.types("db", "restore", "backup.db", "--force")

    assert seen.code == 0
    assert _texts() == ["first"]
    (aside,) = DATABASE.parent.glob("postern.db.2*[0-9]")
    assert f"What was there is {aside}.\n" in seen.out
    assert postern.types("db", "check", DATABASE_URL=f"sqlite:///{aside}").code == 0


def test_what_is_no_backup_is_refused_and_changes_nothing(postern: Terminal) -> None:
    _post(postern, "first")
    Path("notes.txt").write_text("no database at all" * 100)
    sqlite3.connect("other.db").execute("CREATE TABLE cat (name)").connection.close()

    for file in ("notes.txt", "other.db", "nowhere.db"):
        assert postern.types("db", "restore", file).code == 1

    assert _texts() == ["first"]


def test_a_database_in_use_is_not_replaced(postern: Terminal) -> None:
    _post(postern, "first")
    postern.types("db", "backup", "backup.db")

    with held(Path(".postern")):
        seen = postern.types("db", "restore", "backup.db")

    assert seen.code == 1
    assert ".postern" in seen.err
