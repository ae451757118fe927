"""What an operator does at a platform so that its app fits our settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manifest:
    """How the app of one platform is made."""

    steps: Sequence[str]
    """Sentences for the operator, in their order."""
    document: Mapping[str, object]
    """The same for machines, as JSON; of Slack, what its page "From a manifest" takes."""
    is_pasted: bool = False
    """Whether the platform takes the document itself."""
