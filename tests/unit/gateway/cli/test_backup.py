"""A backup holds all that the disk holds, and a restore believes nothing that it reads."""

import asyncio
import contextlib
import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from agents.embedded.store.database import open_database
from gateway.bootstrap import kept
from gateway.cli.backup_manifest import SIZE_BYTES
from gateway.cli.backup_writing import write_backup
from gateway.clock import SystemClock
from gateway.data_dir import held
from gateway.settings import load_settings
from storage.artifacts import LocalArtifacts
from tests.fakes.patience import PATIENCE_SECONDS
from tests.unit.gateway.cli.terminal import Terminal, sit_down

ROOT = Path(__file__).parents[4]
DATA = Path(".postern")
MESSAGES, AGENTS, FILES = DATA / "postern.db", DATA / "letta.db", DATA / "artifacts"
TOKEN = DATA / "terminal.token"
UNKNOWN = 2


def remember(text: str) -> None:
    """Let an agent's memory have one more step in it."""
    with contextlib.closing(sqlite3.connect(AGENTS)) as database, database:
        database.execute(
            "INSERT OR IGNORE INTO agents (id, name, agent_type, system, model, settings,"
            " created_at, updated_at) VALUES ('agent-1', 'a', 'x', '', 'm', '{}', '', '')"
        )
        database.execute(
            "INSERT OR IGNORE INTO conversations (id, agent_id, settings, created_at, updated_at)"
            " VALUES ('agent-1', 'agent-1', '{}', '', '')"
        )
        database.execute(
            "INSERT INTO messages (id, conversation_id, agent_id, body, created_at)"
            " VALUES (?, 'agent-1', 'agent-1', json_object('role', 'user', 'text', ?), '')",
            (f"message-{text}", text),
        )


def remembered() -> list[str]:
    with contextlib.closing(sqlite3.connect(AGENTS)) as database:
        query = "SELECT json_extract(body, '$.text') FROM messages ORDER BY position"
        return [text for (text,) in database.execute(query)]


def said() -> list[str]:
    with contextlib.closing(sqlite3.connect(MESSAGES)) as database:
        return [text for (text,) in database.execute("SELECT text FROM delivery ORDER BY seq")]


def post(postern: Terminal, text: str) -> None:
    assert postern.types("send", text, "--to", "discord:dm:99").code == 0


def artifacts() -> LocalArtifacts:
    return LocalArtifacts(FILES, SystemClock())


def everything() -> dict[str, object]:
    """What people would miss."""
    files = {str(path.relative_to(FILES)): path.stat() for path in FILES.rglob("*")}
    return {
        "said": said(),
        "remembered": remembered(),
        "token": TOKEN.read_text(),
        "files": {name: found.st_mtime_ns for name, found in files.items() if is_file(found)},
        "texts": [path.read_bytes() for path in sorted(FILES.rglob("*.txt")) if path.is_file()],
    }


def is_file(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_size > 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data directory that has something of everything in it, and a backup."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as monkeypatch:
        sit_down(folder, monkeypatch)
        post(Terminal(), "first")
        asyncio.run(fill())
        remember("Ada")
        TOKEN.write_text("secret")
        assert Terminal().types("db", "backup", "b.tar").code == 0
    return folder


async def fill() -> None:
    async with open_database(AGENTS):
        pass
    store = artifacts()
    await store.save("agent-1/notes/plan.txt", b"one")
    await store.save("agent-1/notes/plan.txt", b"two")
    await store.save("person-1/web/é.txt", b"\0" * 100_000)


@pytest.fixture
def home(made: Path) -> Path:
    """Such a data directory of one's own, and a backup of it beside it."""
    shutil.copytree(made, Path(), dirs_exist_ok=True)
    return DATA


def test_what_is_restored_on_an_empty_machine_is_all_that_was_there(
    home: Path, postern: Terminal
) -> None:
    before = everything()
    home.rename("elsewhere")

    seen = postern.types("db", "restore", "b.tar")

    parts = "postern.db, letta.db, terminal.token, artifacts"
    assert (seen.code, seen.out) == (0, f"Restored from b.tar: {parts}.\n")
    assert everything() == before
    assert stat.S_IMODE(TOKEN.stat().st_mode) == 0o600
    assert not list(home.glob(".*"))


def test_older_versions_of_files_are_restored(home: Path, postern: Terminal) -> None:
    home.rename("elsewhere")
    postern.types("db", "restore", "b.tar")

    newest, oldest = [
        asyncio.run(artifacts().load("agent-1/notes/plan.txt", version)) for version in (None, 1)
    ]

    assert newest is not None
    assert oldest is not None
    assert (newest.data, newest.artifact.version, oldest.data) == (b"two", 2, b"one")


def test_a_backup_is_opened_by_ordinary_tools(home: Path) -> None:
    listed = subprocess.run(["/bin/tar", "tf", "b.tar"], capture_output=True, text=True, check=True)

    names = listed.stdout.split()
    assert names[:4] == ["manifest.json", "postern.db", "letta.db", "terminal.token"]
    assert "artifacts/agent-1/notes/plan.txt" in names
    with tarfile.open("b.tar") as tar:
        manifest = json.loads(content(tar, "manifest.json"))
        assert manifest["parts"]["letta.db"]["sha256"] == digest(content(tar, "letta.db"))


def content(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_newer_state_is_replaced_only_by_force_and_kept(home: Path, postern: Terminal) -> None:
    before = everything()
    post(postern, "second")
    remember("Lovelace")
    after = everything()

    refused = postern.types("db", "restore", "b.tar")
    assert (refused.code, everything()) == (1, after)

    forced = postern.types("db", "restore", "b.tar", "--force")
    assert (forced.code, everything()) == (0, before)
    for path in [line.removeprefix("What was there is ") for line in forced.out.splitlines()[1:]]:
        aside = Path(path.removesuffix("."))
        aside.rename(re_named(aside))
    assert everything() == after


def re_named(aside: Path) -> Path:
    """Put something kept aside back, as an operator would."""
    live = aside.with_name(aside.name.rpartition(".")[0])
    live.rename(aside.with_name(f"{live.name}.restored"))
    return live


def test_memory_that_is_newer_is_not_lost_where_the_messages_are_not_here(
    home: Path, postern: Terminal
) -> None:
    url = "postgresql://db.example/postern"
    backup = postern.types("db", "backup", "p.tar", DATABASE_URL=url)
    assert backup.code == 0
    assert "back it up with pg_dump" in backup.out
    remember("Lovelace")

    seen = postern.types("db", "restore", "p.tar", DATABASE_URL=url)

    assert seen.code == 1
    assert "holds 1 steps of agents" in seen.err
    assert remembered() == ["Ada", "Lovelace"]


def test_a_file_saved_after_the_backup_is_not_lost(home: Path, postern: Terminal) -> None:
    asyncio.run(artifacts().save("agent-1/new.txt", b"new"))

    seen = postern.types("db", "restore", "b.tar")

    assert seen.code == 1
    assert "holds 1 files that were saved after" in seen.err
    assert (FILES / "agent-1" / "new.txt").exists()


def test_what_the_settings_keep_elsewhere_is_left_out(home: Path, postern: Terminal) -> None:
    seen = postern.types("db", "restore", "b.tar", LETTA_BASE_URL="http://127.0.0.1:9")

    assert seen.code == 0
    assert "Left out, as the settings keep it elsewhere: letta.db.\n" in seen.out


def test_a_backup_of_the_old_form_restores_the_messages_alone(
    home: Path, postern: Terminal
) -> None:
    with contextlib.closing(sqlite3.connect(MESSAGES)) as database:
        database.execute("VACUUM INTO 'old.db'")
    MESSAGES.unlink()
    remember("Lovelace")

    seen = postern.types("db", "restore", "old.db")

    assert (seen.code, seen.out) == (0, "Restored from old.db: postern.db.\n")
    assert (said(), remembered()) == (["first"], ["Ada", "Lovelace"])


def test_what_waited_in_a_backup_is_looked_for_before_it_is_sent(
    home: Path, postern: Terminal
) -> None:
    with contextlib.closing(sqlite3.connect(MESSAGES)) as database, database:
        database.execute("UPDATE delivery SET state = 3, receipt = '7', settled_at = 1")

    postern.types("db", "restore", "b.tar")

    with contextlib.closing(sqlite3.connect(MESSAGES)) as database:
        assert database.execute("SELECT state FROM delivery").fetchall() == [(UNKNOWN,)]
    told = postern.types("explain", "discord:dm:99")
    assert "delivery.lost" in told.out


def test_what_names_something_is_copied_before_what_it_names(home: Path, postern: Terminal) -> None:
    """Only so is everything there that a message tells of, whatever comes during a backup."""
    all_of_it = kept(load_settings({}))
    assert all_of_it.files is not None
    files = all_of_it.files

    def late() -> Iterator[tuple[tuple[str, ...], BinaryIO]]:
        post(postern, "late")
        remember("late")
        asyncio.run(artifacts().save("agent-1/late.txt", b"late"))
        yield from files.read()

    written = replace(all_of_it, files=replace(files, read=late))
    write_backup(written, Path("late.tar"), datetime.now(UTC))
    home.rename("elsewhere")
    postern.types("db", "restore", "late.tar")

    assert [each.name for each in all_of_it.databases] == ["postern.db", "letta.db"]
    assert (said(), remembered()) == (["first"], ["Ada"])
    assert (FILES / "agent-1" / "late.txt").read_text() == "late"


def test_a_check_tells_damaged_memory(home: Path, postern: Terminal) -> None:
    data = bytearray(AGENTS.read_bytes())
    data[4096 * 2 : 4096 * 8] = b"\xff" * (4096 * 6)
    AGENTS.write_bytes(data)

    seen = postern.types("db", "check")

    assert seen.code == 1
    assert seen.err.startswith('The database ".postern/letta.db" is damaged: ')


def test_a_check_tells_memory_of_a_newer_postern(home: Path, postern: Terminal) -> None:
    with contextlib.closing(sqlite3.connect(AGENTS)) as database:
        database.execute("PRAGMA user_version = 900")

    seen = postern.types("db", "check")

    assert seen.code == 1
    assert "was written by a newer Postern (schema 900" in seen.err


def test_a_check_tells_memory_that_is_gone(home: Path, postern: Terminal) -> None:
    with contextlib.closing(sqlite3.connect(MESSAGES)) as database, database:
        database.execute(
            "INSERT INTO binding (person, role, agent, intended_at) VALUES ('p', 'r', 'agent-1', 0)"
        )
    AGENTS.unlink()

    seen = postern.types("db", "check")

    assert seen.code == 1
    assert "1 agents with all their memory were in it" in seen.err


def test_a_check_compares_files_with_what_names_them(home: Path, postern: Terminal) -> None:
    names = ["agent-1/notes/plan.txt", "agent-1/gone.pdf"]
    extras = json.dumps({"files": [{"artifact": name} for name in names]})
    with contextlib.closing(sqlite3.connect(MESSAGES)) as database, database:
        database.execute("UPDATE delivery SET extras = ?", (extras,))

    seen = postern.types("db", "check")

    assert seen.out.splitlines()[1:] == ["Artifacts: 2. Named by no message: 1. Not there: 1."]


def test_nothing_is_backed_up_where_all_is_elsewhere(postern: Terminal) -> None:
    url = "postgresql://db.example/postern"

    seen = postern.types("db", "backup", DATABASE_URL=url, LETTA_BASE_URL="http://127.0.0.1:9")

    assert seen.code == 1
    assert seen.err.startswith("There is nothing here to back up.")


Change = Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]


def rewrite(change: Change) -> None:
    """Make b.tar anew with other members."""
    with tarfile.open("b.tar") as tar:
        members = [(info, content(tar, info.name)) for info in tar]
    change(members)
    with tarfile.open("b.tar", "w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))


def a_file(name: str, data: bytes = b"evil", kind: bytes = tarfile.REGTYPE) -> Change:
    """Return what puts a file more into the backup, and tells of it in the manifest."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, "/etc/passwd"

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members.append((info, data))
        files = [(each.name, data) for each, data in members[4:]]
        lines = "".join(f"{digest(data)}  {name}\n" for name, data in files)
        part = {
            "size_bytes": sum(len(data) for _, data in files),
            "sha256": digest(lines.encode()),
            "files": len(files),
        }
        told(lambda manifest: manifest["parts"].update(artifacts=part))(members)

    return change


def told(what: Callable[[dict[str, Any]], None]) -> Change:
    """Return what puts something else into the manifest."""

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        manifest = json.loads(members[0][1])
        what(manifest)
        members[0] = (members[0][0], json.dumps(manifest).encode().ljust(SIZE_BYTES))

    return change


HOSTILE_NAMES = [
    "artifacts/../../evil",
    "../evil",
    "/etc/evil",
    "artifacts//evil",
    "artifacts/./evil",
    "artifacts/a/..",
    "artifacts",
    "artifacts/",
    "evil",
    "artifacts/agent-1/notes/plan.txt",
    "artifacts/agent-1/notes",
    "artifacts/agent-1/notes/plan.txt/below",
    "artifacts/" + "x/" * 50 + "y",
    "artifacts/" + "x" * 3000,
    "artifacts/" + "x" * 300,
    "postern.db",
    "manifest.json",
]


@pytest.fixture
def untouched(home: Path) -> Iterator[Path]:
    """A backup beside a state that nothing may change."""
    before = everything()
    yield home
    assert everything() == before
    assert {path.name for path in home.iterdir()} <= {
        *("postern.db", "letta.db", "letta.db.lock", "terminal.token", "artifacts", "lock"),
        *("postern.db-wal", "postern.db-shm", "letta.db-wal", "letta.db-shm"),
    }
    assert not Path("evil").exists()


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: name[:40])
def test_a_name_that_leads_elsewhere_is_refused(
    untouched: Path, postern: Terminal, name: str
) -> None:
    rewrite(a_file(name))

    assert_refused(postern)


def test_a_backup_that_is_consistently_changed_is_taken(home: Path, postern: Terminal) -> None:
    """Else the tests on hostile archives would prove nothing but that hashes are compared."""
    rewrite(a_file("artifacts/agent-1/more.txt", b"more"))

    assert postern.types("db", "restore", "b.tar").code == 0
    assert (FILES / "agent-1" / "more.txt").read_text() == "more"


@pytest.mark.parametrize(
    "kind",
    [
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE),
        *(tarfile.DIRTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE),
    ],
)
def test_what_is_no_plain_file_is_refused(untouched: Path, postern: Terminal, kind: bytes) -> None:
    rewrite(a_file("artifacts/agent-1/evil", b"", kind))

    assert_refused(postern)


def assert_refused(postern: Terminal, reason: str = "") -> None:
    seen = postern.types("db", "restore", "b.tar", "--force")
    assert seen.code == 1
    assert seen.err.count("\n") == 1
    assert reason in seen.err


def test_contents_that_changed_are_refused(untouched: Path, postern: Terminal) -> None:
    data = bytearray(Path("b.tar").read_bytes())
    data[data.index(b"Ada")] ^= 1
    Path("b.tar").write_bytes(data)

    assert_refused(postern, "its contents are not those that were written")


def test_a_changed_artifact_is_refused(untouched: Path, postern: Terminal) -> None:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[-1] = (members[-1][0], b"x" * members[-1][0].size)

    rewrite(change)

    assert_refused(postern, "its artifacts are not those that were written")


@pytest.mark.parametrize("part", ["letta.db", "artifacts/agent-1/notes/plan.txt"])
def test_a_part_that_is_missing_is_refused(untouched: Path, postern: Terminal, part: str) -> None:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[:] = [each for each in members if each[0].name != part]

    rewrite(change)

    assert_refused(postern)


@pytest.mark.parametrize("kept", [0, 100, 600, 5000, 50_000, 0.5, 0.9])
def test_a_backup_that_is_cut_off_is_refused(
    untouched: Path, postern: Terminal, kept: float
) -> None:
    data = Path("b.tar").read_bytes()
    Path("b.tar").write_bytes(data[: int(kept if kept >= 1 else kept * len(data))])

    assert_refused(postern)


def test_a_backup_of_a_newer_postern_is_refused(untouched: Path, postern: Terminal) -> None:
    rewrite(told(lambda manifest: manifest.update(format=2)))

    assert_refused(postern, "a newer Postern made it; upgrade Postern first")


def test_a_database_of_a_newer_postern_is_refused(untouched: Path, postern: Terminal) -> None:
    with contextlib.closing(sqlite3.connect(AGENTS)) as database:
        database.execute("PRAGMA user_version = 900")
    Path("b.tar").unlink()
    postern.types("db", "backup", "b.tar")
    with contextlib.closing(sqlite3.connect(AGENTS)) as database:
        database.execute("PRAGMA user_version = 5")

    assert_refused(postern, "its letta.db has the schema 900")


def test_another_archive_is_refused(untouched: Path, postern: Terminal) -> None:
    with tarfile.open("b.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("cat.jpg"))

    assert_refused(postern, "it is no backup of Postern")


def test_a_compressed_archive_is_refused_unread(untouched: Path, postern: Terminal) -> None:
    with tarfile.open("b.tar", "w:gz") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size = 10_000_000
        tar.addfile(info, io.BytesIO(bytes(info.size)))

    assert_refused(postern, "it is no tar file")


def test_a_manifest_that_promises_more_than_there_is_is_refused(
    untouched: Path, postern: Terminal
) -> None:
    rewrite(told(lambda manifest: manifest["parts"]["letta.db"].update(size_bytes=1 << 60)))

    assert_refused(postern, "says that it holds more than it can")


@pytest.mark.parametrize(
    "manifest", [b"{}", b"not json", b"[1]", b'{"format": "x"}', b"\xff" * 100, b"[" * 4000]
)
def test_a_manifest_that_is_none_is_refused(
    untouched: Path, postern: Terminal, manifest: bytes
) -> None:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[0] = (members[0][0], manifest.ljust(SIZE_BYTES))

    rewrite(change)

    assert_refused(postern, "it has no manifest")


def test_a_header_of_any_length_is_not_read_into_memory(untouched: Path, postern: Terminal) -> None:
    info = tarfile.TarInfo("artifacts/x")
    info.pax_headers = {"comment": "x" * 3_000_000}

    rewrite(lambda members: members.append((info, b"")))

    assert_refused(postern, "a header in it is too long")


def test_headers_without_end_are_refused(untouched: Path, postern: Terminal) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE

    rewrite(lambda members: members.extend([(header, b"")] * 5000))

    assert_refused(postern)


def test_a_restore_waits_for_no_gateway(untouched: Path, postern: Terminal) -> None:
    with held(untouched):
        seen = postern.types("db", "restore", "b.tar", "--force")

    assert seen.code == 1
    assert "A gateway runs in" in seen.err


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_full_disk_is_one_sentence_and_changes_nothing(
    untouched: Path, postern: Terminal, command: str
) -> None:
    """No file may grow beyond 200 KB, which the system tells as a full disk in other words."""
    file = "b.tar" if command == "restore" else "full.tar"
    seen = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -f 400; exec {sys.executable} -m gateway db {command} {file}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert seen.returncode == 1
    assert seen.stderr.count("\n") == 1
    assert not list(Path().glob("*full*"))
    assert not list(Path().glob(".full*"))
