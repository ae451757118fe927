import stat
from pathlib import Path

from gateway.cli.sqlite_file import faults
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

    assert postern.types("db", "check").out == "The database is whole.\n"


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


def test_a_backup_is_a_database_like_the_first(postern: Terminal) -> None:
    postern.types("db", "migrate")

    seen = postern.types("db", "backup", "backup.db")

    assert seen.out == "backup.db is a copy of .postern/postern.db.\n"
    assert postern.types("db", "check", DATABASE_URL="sqlite:///backup.db").code == 0


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
