"""What an operator asks of the deployment, by Modal's own client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.deploy.control_plane import run_modal

CLI = "deploy/modal_cli.py"


async def test_a_roster_is_checked_and_put_on_the_volume(tmp_path: Path) -> None:
    file = tmp_path / "roster.toml"
    file.write_text('[[agents]]\nname = "ada"\n')

    told = await run_modal(tmp_path, "run", f"{CLI}::init_roster", "--file", str(file))

    (put,) = told.heard["VolumePutFiles"] or told.heard["VolumePutFiles2"]
    assert [each.filename for each in put.files] == ["/config/postern.toml"], told.output
    assert "these agents: ada" in told.output


async def test_a_wrong_roster_reaches_no_volume(tmp_path: Path) -> None:
    file = tmp_path / "roster.toml"
    file.write_text("[[agents]]\nnome = 1\n")

    told = await run_modal(tmp_path, "run", f"{CLI}::init_roster", "--file", str(file))

    assert not told.heard["VolumePutFiles"]
    assert not told.heard["VolumePutFiles2"]
    assert "nome" in told.output


@pytest.mark.parametrize("asked", [("status",), ("logs", "--agent", "ada")])
async def test_it_asks_the_deployed_worker_and_starts_none(
    tmp_path: Path, asked: tuple[str, ...]
) -> None:
    told = await run_modal(tmp_path, "run", f"{CLI}::{asked[0]}", *asked[1:])

    assert [each.app_name for each in told.heard["ClassGet"]] == ["postern"], told.output
    assert not told.heard["FunctionCreate"]
