"""The program a stored tool runs in. Started with `-I`, imports nothing of this project.

Reads one JSON object from stdin (source, function, arguments, limits), gives up every right it
can give up, calls the function, and writes `result.json` into its working folder. Rights go in
layers: resource limits; Landlock, where the kernel has it; without a network also a filter of
system calls; an audit hook of Python.
"""

import asyncio
import contextlib
import ctypes
import inspect
import json
import os
import resource
import signal
import struct
import sys
import traceback
import typing
from collections.abc import Awaitable, Callable
from pathlib import Path

Json = dict[str, typing.Any]
"""What stdin brings and what is written: any JSON object."""

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
_OWN = _WRITE_FILE | _READ_FILE | _READ_DIR | _TRUNCATE | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8
"""In its own folder: read, write, make and remove files and folders."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ssl", "/etc/pki", "/etc/ca-certificates")
_SYSTEM_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime")
_DEVICES = ("/dev/null", "/dev/urandom", "/dev/zero")


def main() -> None:
    """Do what stdin says, once."""
    order = json.load(sys.stdin)
    folder = os.path.realpath(Path.cwd())
    readable = [os.path.realpath(path) for path in (*_code(), *_SYSTEM, *_SYSTEM_FILES, *_DEVICES)]
    _limit_resources(order["limits"])
    _limit_kernel(folder, readable)
    has_network = order["limits"]["has_network"]
    if not has_network:
        _limit_calls()
    _limit_python(folder, readable, has_network=has_network)
    result = _call(order["source"], order["function"], order["arguments"])
    text = json.dumps(result)
    Path(folder, "result.json").write_text(text, "utf-8")


def _code() -> list[str]:
    """Where Python and its packages are."""
    packages = [place for place in sys.path if "site-packages" in place]
    parts = ("lib", "lib64", "bin", "pyvenv.cfg")
    return packages + [f"{root}/{part}" for root in (sys.prefix, sys.base_prefix) for part in parts]


def _limit_resources(limits: Json) -> None:
    memory, size, cpu = limits["memory_bytes"], limits["file_bytes"], limits["cpu_seconds"]
    for name, value in (
        ("RLIMIT_CPU", cpu),
        ("RLIMIT_AS", memory),
        ("RLIMIT_FSIZE", size),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NPROC", 0),  # of no effect for root: the audit hook refuses to fork there
    ):
        kind = getattr(resource, name, None)
        if kind is not None:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (value, value))
    signal.setitimer(signal.ITIMER_REAL, limits["wall_seconds"] + 1)


def _limit_kernel(folder: str, readable: list[str]) -> None:
    """Landlock: files outside are out of reach, programs cannot be started, nobody be signalled."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return
    handled = (1 << 13) - 1
    for needed, right in ((2, 1 << 13), (3, _TRUNCATE), (5, 1 << 15)):
        handled |= right if version >= needed else 0
    scoped = 3 if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = struct.pack("QQQ", handled, 0, scoped)[:size]
    ruleset = libc.syscall(_LANDLOCK_CREATE, rules, size, 0)
    if ruleset < 0:
        return
    for path in readable:
        _allow(libc, ruleset, path, handled & (_READ_FILE | _READ_DIR))
    _allow(libc, ruleset, "/dev/null", handled & (_READ_FILE | _WRITE_FILE))
    _allow(libc, ruleset, folder, handled & _OWN)
    if libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise SystemExit("the sandbox could not be closed")
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except OSError:
        return
    if not Path(path).is_dir():
        rights &= ~_READ_DIR
    libc.syscall(_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", rights, place), 0)
    os.close(place)


_PR_SET_SECCOMP, _FILTER, _CLONE_THREAD = 22, 2, 0x10000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _NOT_PERMITTED, _NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x50001, 0x50026
_NUMBERS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    # architecture; clone; fork, vfork, execve, execveat, kill, setpgid, setsid, ptrace,
    # process_vm_readv, process_vm_writev, socket, bpf, mount, unshare, setns, perf_event_open
    "x86_64": (0xC000003E, 56, (57, 58, 59, 322, 62, 109, 112, 101, 310, 311, 41, 321, 165, 272,
                                308, 298)),
    "aarch64": (0xC00000B7, 220, (221, 281, 129, 154, 157, 117, 270, 271, 198, 280, 40, 97, 268,
                                  241)),
}  # fmt: skip
_EVERYWHERE = (425, 434, 438)
"""io_uring_setup, which calls without calls; pidfd_open; pidfd_getfd."""
_CLONE3 = 435


def _limit_calls() -> None:
    """Seccomp: no sockets, no new processes, nobody else's memory. Threads stay allowed."""
    known = _NUMBERS.get(os.uname().machine) if sys.platform == "linux" else None
    if known is None:
        return
    program = b"".join(struct.pack("=HBBI", *step) for step in _filter(*known))
    kept = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, header, 0, 0) != 0:
        raise SystemExit("the sandbox could not be closed")


def _filter(
    architecture: int, clone: int, refused: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Return the steps (code, skip when true, skip when false, value) of a classic BPF filter."""
    steps = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),  # x86's second table of the same calls
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, _CLONE3),  # its flags can not be seen: the C library falls back to clone
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]
    for number in (*refused, *_EVERYWHERE):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOT_PERMITTED)]
    return [
        *steps,
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, 16),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_RETURN, 0, 0, _ALLOW),
    ]


_REFUSED = (
    "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill",
    "os.killpg", "os.startfile", "subprocess.Popen", "pty.spawn", "ctypes.dlopen", "ctypes.dlsym",
    "ctypes.call_function", "ctypes.cdata", "socket.bind", "sys.setprofile", "os.chroot",
)  # fmt: skip
_CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")
_CHANGES = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod",
    "os.chown", "os.truncate", "os.utime", "os.setxattr", "os.removexattr", "os.mkfifo",
)  # fmt: skip
_READS = ("os.listdir", "os.scandir", "os.chdir")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FOREIGN = ("ctypes", "_ctypes", "cffi", "_cffi_backend")


def _limit_python(folder: str, readable: list[str], *, has_network: bool) -> None:
    """The same for Python's own calls, where the kernel has no Landlock. Cannot be taken back."""
    for name in [name for name in sys.modules if name.split(".")[0] in _FOREIGN]:
        del sys.modules[name]
    refused = _REFUSED if has_network else _REFUSED + _CONNECTING
    sys.addaudithook(_Watch(folder, readable, refused))


class _Watch:
    """An audit hook that raises for what a tool may not do."""

    def __init__(self, folder: str, readable: list[str], refused: tuple[str, ...]) -> None:
        self._refused = refused
        self._own = (folder,)
        self._writable = (folder, "/dev/null")
        self._everything = (folder, *readable)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in self._refused:
            raise PermissionError(f"a tool may not do this: {event}")
        if event == "import" and arguments[0] in _FOREIGN:
            raise PermissionError(f"a tool may not import {arguments[0]}")
        if event == "open":
            self._open(arguments[0], arguments[2])
        elif event in _CHANGES:
            for path in arguments[:2]:
                if isinstance(path, str | bytes):
                    self._need(path, self._own)
        elif event in _READS:
            self._need(arguments[0], self._everything)

    def _open(self, path: object, flags: object) -> None:
        writes = isinstance(flags, int) and flags & _WRITING
        self._need(path, self._writable if writes else self._everything)

    def _need(self, path: object, places: tuple[str, ...]) -> None:
        if not isinstance(path, str | bytes):
            return
        real = os.path.realpath(os.fsdecode(path))
        if not any(real == place or real.startswith(f"{place}/") for place in places):
            raise PermissionError(f"a tool may not touch {path!r}")


def _call(source: str, name: str, arguments: Json) -> Json:
    try:
        space: Json = {"__name__": "tool"}
        exec(compile(source, "<tool>", "exec"), space)  # noqa: S102 - what this process is for
        function = space[name]
        value = function(**_typed(function, arguments))
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
        return {"status": "success", "value": _text(value)}
    except BaseException as error:  # noqa: BLE001 - told to the agent, whatever it is
        told = f"Error executing function {name}: {type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error)[-6:])
        return {"status": "error", "value": told[:4000], "trace": trace[-8000:]}


async def _awaited(value: Awaitable[object]) -> object:
    return await value


def _typed(function: Callable[..., object], arguments: Json) -> Json:
    """Arguments as the function's hints want them: objects become pydantic models."""
    wanted = inspect.signature(function).parameters
    given = dict(arguments)
    if "agent_state" in wanted and "agent_state" not in given:
        given["agent_state"] = None
    if "pydantic" not in sys.modules:
        return given
    from pydantic import TypeAdapter

    hints = typing.get_type_hints(function)
    return {
        key: TypeAdapter(hints[key]).validate_python(value) if key in hints else value
        for key, value in given.items()
    }


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list, tuple)):
        with contextlib.suppress(TypeError, ValueError):
            return json.dumps(value, ensure_ascii=False)
    return str(value)  # pyright: ignore[reportUnknownArgumentType] - any object


if __name__ == "__main__":
    main()
