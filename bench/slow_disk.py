"""A process whose disk takes longer to sync, to show what slower ones do.

It needs Linux and a C compiler.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

typedef int (*sync_call)(int);

static int later(const char *name, int file) {
    sync_call real = (sync_call) dlsym(RTLD_NEXT, name);
    usleep(MICROSECONDS);
    return real(file);
}

int fsync(int file) { return later("fsync", file); }
int fdatasync(int file) { return later("fdatasync", file); }
"""


def on_slow_disk(folder: Path, extra_ms: float, function: Callable[[], Result]) -> Result:
    """Run the function in a process of its own, in which each sync takes so much longer."""
    shim = folder / "slow_disk.so"
    command = ["cc", "-shared", "-fPIC", "-xc", "-", "-o", str(shim), "-ldl"]
    delay = f"-DMICROSECONDS={round(extra_ms * 1000)}"
    subprocess.run([*command, delay], input=SHIM, text=True, check=True)  # noqa: S603 - ours
    with (
        _preloaded(shim),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
    ):
        return process.submit(function).result()


@contextmanager
def _preloaded(shim: Path) -> Generator[None]:
    os.environ["LD_PRELOAD"] = str(shim)
    try:
        yield
    finally:
        del os.environ["LD_PRELOAD"]
