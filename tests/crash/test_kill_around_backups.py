"""Backups while people write, and kill -9 at every step of a backup and of a restore."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from gateway.data_dir import held
from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.crash


async def postern(home: Home, *words: str) -> str:
    """Run a command on the data directory; return what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *words),
        env={"PATH": os.environ["PATH"], "POSTERN_DATA_DIR": str(home.data_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 0, err.decode()
    return out.decode()


class Bob(Ada):
    """Tells one thing after the other until somebody stops him."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__(client)
        self.told: list[str] = []
        self.is_listened_to = True

    async def goes_on(self) -> None:
        while self.is_listened_to:
            text = f"Remember that thing {len(self.told)} is blue."
            await self.asks(text)
            self.told.append(text)

    async def until_told(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.told) < number:  # noqa: ASYNC110 - answers of another process
                await asyncio.sleep(0.02)


@pytest.fixture
async def bob(home: Home) -> AsyncGenerator[Bob]:
    async with httpx.AsyncClient(base_url=home.url, timeout=PATIENCE_SECONDS) as client:
        yield Bob(client)


async def test_a_backup_made_while_people_write_holds_all_that_was_acknowledged_before(
    home: Home, ada: Ada, bob: Bob, tmp_path: Path
) -> None:
    backup = tmp_path / "b.tar"
    async with home.gateway():
        await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
        await asyncio.wait_for(bob.meet(), PATIENCE_SECONDS)
        await asyncio.wait_for(ada.asks("My name is Ada."), PATIENCE_SECONDS)
        telling = asyncio.ensure_future(bob.goes_on())
        await bob.until_told(3)
        before = list(bob.told)
        await postern(home, "db", "backup", str(backup))
        await bob.until_told(len(bob.told) + 2)
        bob.is_listened_to = False
        await asyncio.wait_for(telling, PATIENCE_SECONDS)
    shutil.rmtree(home.data_dir)

    await postern(home, "db", "restore", str(backup))
    await postern(home, "db", "check")
    async with home.gateway():
        await home.until_ready()
        await home.until_idle()
        seen = [text for role, text in await bob.sees() if role == "user"]
        answers = [text for role, text in await bob.sees() if role == "assistant"]
        name = await asyncio.wait_for(ada.asks("What is my name?"), PATIENCE_SECONDS)

    assert seen == bob.told[: len(seen)]
    assert len(seen) >= len(before)
    assert len(answers) == len(seen)
    assert "Ada" in name[0]


@pytest.fixture
async def made(home: Home, ada: Ada, tmp_path: Path) -> Path:
    """`home`: what a gateway left after two questions, and a file; `b.tar`: after the first one."""
    async with home.gateway():
        await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
        await asyncio.wait_for(ada.asks("My name is Ada."), PATIENCE_SECONDS)
        keep(home.data_dir, "old")
        await postern(home, "db", "backup", str(tmp_path / "b.tar"))
        await asyncio.wait_for(ada.asks("What is my name?"), PATIENCE_SECONDS)
    keep(home.data_dir, "new")
    home.data_dir.rename(tmp_path / "home")
    return tmp_path


def keep(data_dir: Path, text: str) -> None:
    file = data_dir / "artifacts" / "agent-1" / "plan.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def kills(folder: Path, what: str) -> int:
    """Do it again and again, each time killed one step later; return how often it was."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.backup_kills", str(folder), what],
        stdout=subprocess.PIPE,
        text=True,
        timeout=3 * PATIENCE_SECONDS,
        check=True,
    )
    return int(done.stdout)


def state(data_dir: Path) -> tuple[int, int, str]:
    """Return how much was said, how much agents remember, and what is in the file."""
    file = data_dir / "artifacts" / "agent-1" / "plan.txt"
    return (
        number(data_dir / "postern.db", "SELECT count(*) FROM inbox"),
        number(data_dir / "letta.db", "SELECT count(*) FROM messages"),
        file.read_text(),
    )


def number(path: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as database:
        return int(database.execute(query).fetchone()[0])


async def test_a_restore_killed_anywhere_leaves_all_of_the_old_or_all_of_the_new(
    made: Path,
) -> None:
    killed = kills(made, "restore")

    old, new = state(made / "home"), state(made / str(killed) / "home")
    found: list[tuple[int, int, str]] = []
    for each in range(killed):
        data_dir = made / str(each) / "home"
        with held(data_dir):  # as the next gateway does
            found.append(state(data_dir))
    assert new != old
    assert killed > 15
    assert found == sorted(found, key=lambda each: each == new)
    assert {*found} == {old, new}


async def test_a_backup_killed_anywhere_is_there_whole_or_not_at_all(made: Path) -> None:
    killed = kills(made, "backup")

    there = [(made / str(each) / "made.tar").exists() for each in range(killed + 1)]
    assert there[-1]
    assert there == sorted(there)
    for each in range(killed):
        if there[each]:
            home = Home(made / "elsewhere" / str(each), 0)
            await postern(home, "db", "restore", str(made / str(each) / "made.tar"))
            assert state(home.data_dir) == state(made / "home")
