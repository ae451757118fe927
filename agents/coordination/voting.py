"""Voting: every member names a choice, and the most named one wins."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from gateway.domain.errands import Errand
from gateway.domain.teams import Ask, AskNext, Final, TeamStep, Transcript, Wait

HOW = "End with a line `VOTE: …` that names your choice in a few words, and nothing else."
DECIDE = "The vote is a tie between {choices}. You decide. " + HOW
_VOTE = re.compile(r"^\W*vote:\s*(.+?)\W*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Voting:
    """One member, one vote. A member that does not answer in time has no vote."""

    members: tuple[str, ...]
    quorum: int
    """The fewest votes that make a decision."""
    tie_break: str | None = None
    """Who decides a tie; without one there is no decision."""

    def decide(self, so_far: Transcript) -> TeamStep:
        """Ask everybody at once; count when all have answered, or their time is over."""
        if not so_far.said:
            question = f"{so_far.question}\n\n{HOW}"
            return AskNext(tuple(Ask(member, question) for member in self.members))
        if so_far.is_waiting:
            return Wait()
        ballots, breaking = so_far.said[: len(self.members)], so_far.said[len(self.members) :]
        votes = {each.role: vote for each in ballots if (vote := vote_of(each)) is not None}
        if len(votes) < self.quorum:
            return Final(f"No decision: {len(votes)} of {self.quorum} votes needed.", True)
        counted = Counter(votes.values()).most_common()
        best = sorted(choice for choice, count in counted if count == counted[0][1])
        if len(best) == 1:
            return Final(_result(best[0], votes))
        if self.tie_break is None:
            return Final(f"No decision: a tie between {', '.join(best)}.\n{_ballots(votes)}")
        if not breaking:
            question = f"{so_far.question}\n\n{DECIDE.format(choices=', '.join(best))}"
            return AskNext((Ask(self.tie_break, question),))
        chosen = vote_of(breaking[0])
        if chosen not in best:
            return Final(f"No decision: a tie between {', '.join(best)}.\n{_ballots(votes)}")
        return Final(f"{self.tie_break} broke the tie: {_result(chosen, votes)}")


def vote_of(errand: Errand) -> str | None:
    """Return the choice that an answer ends with, in small letters; None without one. Pure."""
    found = _VOTE.findall(errand.answer) if errand.is_answered else []
    return " ".join(found[-1].casefold().split())[:100] if found else None


def _result(choice: str, votes: dict[str, str]) -> str:
    count = sum(vote == choice for vote in votes.values())
    return f"**{choice}** has {count} of {len(votes)} votes.\n{_ballots(votes)}"


def _ballots(votes: dict[str, str]) -> str:
    return "\n".join(f"- {member}: {vote}" for member, vote in votes.items())
