"""Dynamic: for each question the member that fits it best."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.teams import Ask, AskNext, Final, TeamStep, Transcript, Wait

CHOOSE = "Who of {members} should answer this? Reply with the name alone, and nothing else.\n\n{q}"


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Who has the fitting words is asked, of equals who is asked least; then the next one.

    With a `selector`, that agent is asked for a name first; without a good answer
    words and load decide.
    """

    members: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By member, what questions for it speak of, in small letters."""
    selector: str | None = None

    def decide(self, so_far: Transcript) -> TeamStep:
        """Ask one member; when it is not available, the one that fits next best."""
        if so_far.is_waiting:
            return Wait()
        said, chosen = list(so_far.said), None
        if self.selector is not None:
            if not said:
                names = ", ".join(self.members)
                question = CHOOSE.format(members=names, q=so_far.question)
                return AskNext((Ask(self.selector, question),))
            choice = said.pop(0)
            chosen = named(choice.answer, self.members) if choice.is_answered else None
        if said and said[-1].is_answered:
            return Final(said[-1].answer)
        tried = {each.role for each in said}
        order = self.order(so_far.question, so_far.load, chosen)
        left = [member for member in order if member not in tried]
        if not left:
            return Final("None of us is available right now.", is_failure=True)
        return AskNext((Ask(left[0], so_far.question),))

    def order(self, question: str, load: Mapping[str, int], chosen: str | None) -> list[str]:
        """Return the members, the best one first: chosen, then by words, then by load."""
        spoken = set(re.findall(r"\w+", question.casefold()))

        def fit(member: str) -> tuple[bool, int, int]:
            fitting = len(spoken.intersection(self.words.get(member, ())))
            return member != chosen, -fitting, load.get(member, 0)

        return sorted(self.members, key=fit)


def named(answer: str, members: Sequence[str]) -> str | None:
    """Return the one member that an answer names; None when it names none, or several. Pure."""
    found = {word for word in re.findall(r"[a-z0-9_-]+", answer.casefold()) if word in members}
    return found.pop() if len(found) == 1 else None
