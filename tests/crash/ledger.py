"""What many workers did, as the one mind and the one platform that they share saw it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Notes every turn and every post, and counts what must not be.

    A message is a number, counted up in its conversation, which is a lane of its own.
    """

    overlaps: int = 0
    """Turns that began in a lane while another worker, still alive, had one there."""
    disordered: int = 0
    """Messages that were heard or answered before an earlier one."""
    doubled: int = 0
    """Messages that were heard in two turns, or answered in two posts."""
    begun: int = 0
    resumed: int = 0
    """Turns that another worker took up again."""
    hand_overs: list[float] = field(default_factory=list[float])
    """Seconds from a worker's death until another had a turn that it left."""
    _turns: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Lane to the worker and the turn that runs there."""
    _left: dict[str, float] = field(default_factory=dict[str, float])
    """Turn to the moment at which its worker died."""
    _heard: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """By turn."""
    _newest_heard: Counter[str] = field(default_factory=Counter[str])
    _newest_shown: Counter[str] = field(default_factory=Counter[str])
    _posts: dict[str, str] = field(default_factory=dict[str, str])
    """Delivery to what was posted for it."""
    answered: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def begins(self, worker: str, lane: str, turn: str, heard: Sequence[int], at: float) -> None:
        """Note a turn; the same turn again must hear the same."""
        running = self._turns.get(lane)
        if running is not None and running[0] != worker:
            self.overlaps += 1
        self._turns[lane] = (worker, turn)
        self.begun += 1
        if turn in self._left:
            self.hand_overs.append(at - self._left.pop(turn))
        if turn in self._heard:
            self.resumed += 1
            self.doubled += self._heard[turn] != tuple(heard)
            return
        self._heard[turn] = tuple(heard)
        for number in heard:
            self._hears(lane, number)

    def ends(self, worker: str, lane: str) -> None:
        """Note that a turn's work is over; its worker stores that only now."""
        if lane in self._turns and self._turns[lane][0] == worker:
            del self._turns[lane]

    def shows(self, delivery: str, lane: str, text: str) -> None:
        """Note a post; the text is the numbers that it answers."""
        if delivery in self._posts:
            self.doubled += 1
            return
        self._posts[delivery] = text
        for number in numbers_in(text):
            self.doubled += number in self.answered[lane]
            self.disordered += number <= self._newest_shown[lane] - 1
            self._newest_shown[lane] = max(self._newest_shown[lane], number + 1)
            self.answered[lane].add(number)

    def has_shown(self, delivery: str) -> bool:
        """Whether a post can be found."""
        return delivery in self._posts

    def dies(self, worker: str, at: float) -> None:
        """Note a worker's death: others may take up its turns."""
        for lane, (owner, turn) in list(self._turns.items()):
            if owner == worker:
                self._left[turn] = at
                del self._turns[lane]

    def _hears(self, lane: str, number: int) -> None:
        newest = self._newest_heard[lane] - 1
        self.disordered += number != newest + 1
        self._newest_heard[lane] = max(newest, number) + 1


def numbers_in(text: str) -> list[int]:
    """Return the numbers of a text."""
    return [int(word) for word in text.split() if word.isdigit()]
