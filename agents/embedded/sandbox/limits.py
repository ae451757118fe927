"""What one call of a stored tool may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call of a tool may use."""

    wall_seconds: float = 20.0
    cpu_seconds: int = 10
    memory_bytes: int = 512 * 1024 * 1024
    """Of address space."""
    file_bytes: int = 10 * 1024 * 1024
    """For each file it writes."""
    printed_bytes: int = 64 * 1024
    """To stdout and stderr, each; a tool that prints more is stopped."""
    answer_characters: int = 50_000
    """A longer answer is cut."""
    has_network: bool = True
    """Whether it may connect; without, it is also refused every new process by the kernel."""
