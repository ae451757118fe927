"""Where a headless Chromium is, and how it is started without reaching for the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.fakes.patience import PATIENCE_SECONDS

expect.set_options(PATIENCE_SECONDS * 1000)

_ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def _chromium() -> str | None:
    asked = os.environ.get("POSTERN_CHROMIUM")
    return asked or shutil.which("chromium") or shutil.which("chromium-browser")


needs_browser = pytest.mark.skipif(
    _chromium() is None, reason="no Chromium here; set POSTERN_CHROMIUM to its path"
)


@asynccontextmanager
async def opened_browser() -> AsyncGenerator[Browser]:
    """Start a browser, and close it at the end."""
    async with async_playwright() as playwright:
        path = Path(_chromium() or "")
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        await browser.close()
