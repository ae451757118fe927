"""The page for operators names every metric, and none that is not there."""

import re
from pathlib import Path

from gateway.telemetry import Metrics

PAGE = (Path(__file__).parents[3] / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_metric_is_on_the_page_and_no_other() -> None:
    table = PAGE.split("## Metrics")[1].split("##")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name.removesuffix("_total") for cell in cells for name in re.findall("`(.+?)`", cell)}

    kept = {metric.name.removeprefix("postern_") for metric in Metrics().registry.collect()}

    assert named == kept
