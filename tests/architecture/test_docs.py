"""What the documents point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
_TEST = re.compile(r"`(tests/[\w/]+(?:\.py|/))`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = _TEST.findall(page.read_text(encoding="utf-8"))

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_promise_names_its_proof() -> None:
    rows = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").splitlines()
    promises = [row for row in rows if re.match(r"\| P\d+ \|", row)]

    assert [row.split("|")[1].strip() for row in promises] == [f"P{n}" for n in range(1, 13)]
    assert all(_TEST.search(row) for row in promises)


def test_the_house_on_one_page_names_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    hub = [each for each in (ROOT / "gateway").iterdir() if not each.name.startswith("_")]
    rooms = [f"`{each.name}/`" if each.is_dir() else f"`{each.stem}`" for each in hub]

    assert [room for room in sorted(rooms) if room not in page] == []
