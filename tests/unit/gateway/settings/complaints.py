"""What is said of settings that can not be."""

from pathlib import Path

import pytest

from gateway.errors import SettingsWrong
from gateway.settings import load_settings


def complaint(environ: dict[str, str], file: Path | None = None) -> str:
    """Return what is said of them."""
    with pytest.raises(SettingsWrong) as caught:
        load_settings(environ, file)
    return str(caught.value)


def complaint_about(text: str, file: Path) -> str:
    """Return what is said of a file with this text."""
    file.write_text(text)
    return complaint({}, file).replace(str(file), "postern.toml")
