"""Sleeptime: members tend what their person's agents keep in mind, and nobody hears them."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.teams import Ask, AskNext, Final, TeamStep, Transcript, Wait

TEND = (
    "Look after the memory that you share with the other agents of your person: put in what will "
    "matter, mend what is wrong, take out what is over. Nobody reads what you answer.\n\n{said}"
)


@dataclass(frozen=True, slots=True)
class Sleeptime:
    """Each member hears the same, all at once, and works on its own."""

    members: tuple[str, ...]

    def decide(self, so_far: Transcript) -> TeamStep:
        """Ask everybody once; who fails is not made good for, because the next time comes."""
        if not so_far.said:
            told = TEND.format(said=so_far.question)
            return AskNext(tuple(Ask(member, told) for member in self.members))
        if so_far.is_waiting:
            return Wait()
        if not so_far.answered:
            return Final("Nobody could look after the memory.", is_failure=True)
        return Final("The memory was looked after.")
