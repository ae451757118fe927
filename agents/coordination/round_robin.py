"""Round-robin: members take turns, from one question to the next."""

from __future__ import annotations

from dataclasses import dataclass

from agents.coordination.wording import with_said
from gateway.domain.teams import Ask, AskNext, Final, TeamStep, Transcript, Wait


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """The next question goes to the next member; who is not available is skipped.

    Whose turn it is follows from how many questions the group has had.
    """

    members: tuple[str, ...]
    speakers: int = 1
    """How many speak to one question, each after having heard those before."""

    def decide(self, so_far: Transcript) -> TeamStep:
        """Ask the next member; the last one's answer is the group's."""
        if so_far.is_waiting:
            return Wait()
        answered = so_far.answered
        is_through = len(so_far.said) >= len(self.members)
        if len(answered) >= self.speakers or (is_through and answered):
            return Final(answered[-1].answer)
        if is_through:
            return Final("None of us is available right now.", is_failure=True)
        first = so_far.earlier * self.speakers
        member = self.members[(first + len(so_far.said)) % len(self.members)]
        return AskNext((Ask(member, with_said(so_far.question, answered)),))
