"""Supervisor: one member hands parts of the work to others, and answers in the end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.coordination.wording import heard
from gateway.domain.errands import Errand
from gateway.domain.teams import Ask, AskNext, Final, TeamStep, Transcript, Wait

HOW = (
    "You lead {members}. To hand a part to one of them, write a line `@NAME: what to do`, one for "
    "each; they have read nothing of this. Without such a line, what you write is the answer."
)
LAST = "Nobody can be asked any more. What you write now is the answer."
_HANDED = re.compile(r"^\s*@([a-z0-9_-]+):[ \t]+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The supervisor is asked first, and again each time when those it asked have answered."""

    supervisor: str
    members: tuple[str, ...]
    rounds: int = 3
    """How often the supervisor may hand out work to one question."""

    def decide(self, so_far: Transcript) -> TeamStep:
        """Ask the supervisor, then whom it names; who is not there is made good for."""
        if so_far.is_waiting:
            return Wait()
        led = [n for n, each in enumerate(so_far.said) if each.role == self.supervisor]
        if not led:
            if so_far.answered:
                return Final(so_far.answered[-1].answer)
            return self._first(so_far)
        last = so_far.said[led[-1]]
        others = so_far.said[led[-1] + 1 :]
        if not last.is_answered:
            return self._without(so_far.question, others)
        if others:
            return AskNext((self._again(so_far, others, is_last=len(led) > self.rounds),))
        handed = self._handed(last) if len(led) <= self.rounds else ()
        return AskNext(handed) if handed else Final(last.answer)

    def _first(self, so_far: Transcript) -> AskNext:
        how = HOW.format(members=", ".join(self.members))
        return AskNext((Ask(self.supervisor, f"{so_far.question}\n\n{how}"),))

    def _again(self, so_far: Transcript, others: Sequence[Errand], *, is_last: bool) -> Ask:
        answers = "\n\n".join(f"{each.role}: {heard(each)}" for each in others)
        how = LAST if is_last else HOW.format(members=", ".join(self.members))
        return Ask(self.supervisor, f"{so_far.question}\n\n{answers}\n\n{how}")

    def _without(self, question: str, others: Sequence[Errand]) -> TeamStep:
        """Fall back to the members, one after the other, when the supervisor is not there."""
        answered = [each for each in others if each.is_answered]
        if answered:
            return Final(answered[-1].answer)
        if len(others) < len(self.members):
            return AskNext((Ask(self.members[len(others)], question),))
        return Final("None of us is available right now.", is_failure=True)

    def _handed(self, said: Errand) -> tuple[Ask, ...]:
        """Return the parts that the supervisor hands out; each member gets one part a round."""
        parts = {
            name: part.strip()
            for name, part in _HANDED.findall(said.answer)
            if name in self.members
        }
        return tuple(Ask(name, part) for name, part in parts.items())
