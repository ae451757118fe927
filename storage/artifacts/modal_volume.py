"""Modal's Volumes, told as the disks that they are mounted as."""

# Modal types its calls in part only.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable

import modal


class ModalVolume:
    """A Volume by its name; only inside a container that has it mounted."""

    def __init__(self, name: str) -> None:
        self._volume = modal.Volume.from_name(name)

    def commit(self) -> None:
        """Make what was written durable. Raises OSError."""
        _told_as_os_error(self._volume.commit)

    def reload(self) -> None:
        """Show what others have committed. Raises OSError, also while a file is open there."""
        _told_as_os_error(self._volume.reload)


def _told_as_os_error(call: Callable[[], object]) -> None:
    """A failure of Modal's is one of the disk's to those who know no Modal."""
    try:
        call()
    except (modal.exception.Error, RuntimeError) as error:
        raise OSError(f"the Volume failed: {error}") from error
