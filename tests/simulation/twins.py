"""Negative twins: which promise catches which broken part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.simulation.broken.agents import (
    MakesAgentsWithoutIntent,
    OneMindForAll,
    TakesNoAnswerForNo,
)
from tests.simulation.broken.inbox import AcksBeforeItStores, KnowsNoDuplicates, LetsStrangersIn
from tests.simulation.broken.outbox import (
    DraftsNeverClose,
    IgnoresOrder,
    PostsDraftsBeforeTheyAreStored,
    RepeatsBlindly,
    SendsBeforeItSaysSo,
    SettlesWithoutFences,
)
from tests.simulation.broken.records import FiresWithoutSlots, LogsTooLittle
from tests.simulation.broken.tools import AsksNobody, ForgetsWhatItBegan
from tests.simulation.broken.turns import (
    AsksUnderNewKeys,
    CancelsNothing,
    CountsNobody,
    DropsTheTail,
    ForgetsOpenTurns,
    ForgetsWhatWasCancelled,
    LeasesWithoutFences,
    LeavesTheDeadAlone,
)
from tests.simulation.weather import STORMS, Weather
from tests.simulation.worker import Build


@dataclass(frozen=True, slots=True)
class Twin:
    """A broken build, and the promises of which at least one catches it."""

    build: Callable[[], Build]
    caught_by: frozenset[str]
    weather: Weather | None = None
    """What it takes to show; drawn where it is None."""
    workers: int | None = None
    """As many as it takes; drawn where it is None."""


_DEAF = replace(STORMS, clock_step=0.0, crash=0.003, freeze=0.001)
"""Calls fail all the time, and workers live long enough to try again."""

_STANDING_STILL = Weather(freeze=0.01, slow=0.1)
"""Nothing fails, but workers lose their leases all the time."""

_BUSY = Weather(store_busy=0.1)
"""What was done can't be written down."""

_RESTLESS = Weather(runtime_fault=0.1, crash=0.01)
"""Turns are tried again and again."""

TWINS = {
    "acks before it stores": Twin(AcksBeforeItStores, frozenset({"P1"})),
    "lets strangers in": Twin(LetsStrangersIn, frozenset({"P10"})),
    "knows no duplicates": Twin(KnowsNoDuplicates, frozenset({"P2"})),
    "leases without fences": Twin(LeasesWithoutFences, frozenset({"fence"})),
    "counts nobody": Twin(CountsNobody, frozenset({"seats"})),
    "forgets open turns": Twin(ForgetsOpenTurns, frozenset({"P8"})),
    "leaves the dead alone": Twin(LeavesTheDeadAlone, frozenset({"P8"})),
    "cancels nothing": Twin(CancelsNothing, frozenset({"P8"})),
    "forgets what was cancelled": Twin(ForgetsWhatWasCancelled, frozenset({"P5"}), _RESTLESS),
    "asks under new keys": Twin(AsksUnderNewKeys, frozenset({"P2"})),
    "drops the tail": Twin(DropsTheTail, frozenset({"P3"})),
    "sends before it says so": Twin(SendsBeforeItSaysSo, frozenset({"P3"})),
    "repeats blindly": Twin(RepeatsBlindly, frozenset({"P3"})),
    "settles without fences": Twin(SettlesWithoutFences, frozenset({"fence"}), _STANDING_STILL),
    "ignores order": Twin(IgnoresOrder, frozenset({"P4"})),
    "posts drafts before they are stored": Twin(PostsDraftsBeforeTheyAreStored, frozenset({"P3"})),
    "drafts never close": Twin(DraftsNeverClose, frozenset({"P3"}), _STANDING_STILL, workers=3),
    "asks nobody": Twin(AsksNobody, frozenset({"P10"})),
    "forgets what it began": Twin(ForgetsWhatItBegan, frozenset({"P5"}), _BUSY),
    "makes agents without intent": Twin(MakesAgentsWithoutIntent, frozenset({"P6"})),
    "takes no answer for no": Twin(TakesNoAnswerForNo, frozenset({"P6"}), _DEAF),
    "one mind for all": Twin(OneMindForAll, frozenset({"P9"})),
    "fires without slots": Twin(FiresWithoutSlots, frozenset({"P7"})),
    "logs too little": Twin(LogsTooLittle, frozenset({"P12"})),
}
