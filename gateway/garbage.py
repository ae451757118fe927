"""What a process serves with is left alone by Python's garbage collector."""

from __future__ import annotations

import gc

FULL_ROUND_AFTER = 50
"""Rounds of the middle generation; Python's own number is 10."""


def keep_what_is_loaded() -> None:
    """Take all that there is now out of the garbage collector's rounds, for good.

    To be called by the process when it has loaded what it serves with: some 140,000
    objects of modules and settings, which live until its end and which a full round else
    walks each time. It takes 15 ms. What was garbage by then stays too, until a next call.

    Full rounds are made five times as rare: one walks all that is in flight, 0.2 s for
    5,000 turns, and nobody is answered meanwhile. Little is left to it: most garbage goes
    without a round, and most of the rest in the small ones.
    """
    if gc.get_freeze_count():
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    new, young, _ = gc.get_threshold()
    gc.set_threshold(new, young, FULL_ROUND_AFTER)
