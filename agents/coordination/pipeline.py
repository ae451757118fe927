"""Pipeline: stages one after the other, each with what the one before it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from agents.coordination.wording import with_said
from gateway.domain.errands import Errand
from gateway.domain.teams import Ask, AskNext, Final, TeamStep, Transcript, Wait


class OnFailure(StrEnum):
    """What becomes of the pipeline when a member of a stage fails."""

    STOP = "stop"
    SKIP = "skip"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Each stage is one member or several at once, and hears all that was made before it."""

    stages: tuple[tuple[str, ...], ...]
    on_failure: OnFailure = OnFailure.STOP
    fallback: str | None = None
    """Who is asked in the place of a member that failed, once for each."""

    def decide(self, so_far: Transcript) -> TeamStep:
        """Ask the next stage when the one before it is through."""
        if so_far.is_waiting:
            return Wait()
        made: list[Errand] = []
        rest = iter(so_far.said)
        for stage in self.stages:
            asked = list(islice(rest, len(stage)))
            if not asked:
                return self._ask(stage, so_far.question, made)
            failed = [each for each in asked if not each.is_answered]
            if failed and self.on_failure is OnFailure.FALLBACK and self.fallback:
                instead = list(islice(rest, len(failed)))
                if not instead:
                    return self._ask((self.fallback,) * len(failed), so_far.question, made)
                failed = [each for each in instead if not each.is_answered]
                asked += instead
            if failed and self.on_failure is not OnFailure.SKIP:
                last = failed[0]
                return Final(f"We stopped: {last.role} failed. {last.answer}", is_failure=True)
            done = [each for each in asked if each.is_answered]
            made = done or made
        return _made(made)

    def _ask(self, stage: Sequence[str], question: str, made: Sequence[Errand]) -> AskNext:
        return AskNext(tuple(Ask(member, with_said(question, made)) for member in stage))


def _made(last: Sequence[Errand]) -> Final:
    if not last:
        return Final("Every stage failed.", is_failure=True)
    if len(last) == 1:
        return Final(last[0].answer)
    return Final("\n\n".join(f"**{each.role}:** {each.answer}" for each in last))
