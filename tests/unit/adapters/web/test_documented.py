"""The page for programs names every route and every frame of the web door."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
DOOR = ROOT / "adapters" / "web"
NOT_FOR_PROGRAMS = {"/", "/static/{name}"}

_ROUTE = re.compile(r'add_api_(?:websocket_)?route\(\s*"([^"]+)"')
_FRAME = re.compile(r'"type": "(\w+)"')


def _found(pattern: re.Pattern[str], file: str) -> list[str]:
    return sorted(set(pattern.findall((DOOR / file).read_text(encoding="utf-8"))))


ROUTES = [
    route
    for file in ("routes.py", "completions.py", "events.py", "sign_in_routes.py")
    for route in _found(_ROUTE, file)
]


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_documented(route: str) -> None:
    assert route in NOT_FOR_PROGRAMS or route.replace(":path", "") in PAGE


@pytest.mark.parametrize("frame", _found(_FRAME, "outbound.py"))
def test_every_frame_is_documented(frame: str) -> None:
    assert f'"type": "{frame}"' in PAGE
