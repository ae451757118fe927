"""Agents as commands print them: sentences, tables and JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from gateway.cli.terminal import say, say_table
from gateway.domain.circles import Circle
from gateway.domain.conversations import Conversation
from gateway.domain.people import EVERYONE, Identity, lane_owner, person_id_of
from gateway.rights.policy import AccessPolicy, Way

if TYPE_CHECKING:
    from gateway.domain.agent_reports import AgentRow, Finding
    from gateway.domain.routing import Decision, Routing


def read_place(readable: str) -> Conversation:
    """Return the conversation that was typed; raises typer.BadParameter."""
    try:
        return Conversation.parse(readable)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def read_identity(who: str | None, conversation: str) -> Identity:
    """Return the account that was typed; without one, somebody whom no rule names."""
    if who is None:
        place = read_place(conversation)
        return Identity(place.platform, place.workspace, "")
    parts = who.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise typer.BadParameter(f'"{who}" is no account; it reads platform:workspace:user.')
    return Identity(*parts)


def read_circles(keys: Sequence[str]) -> list[str]:
    """Return the circles that were typed; raises typer.BadParameter."""
    try:
        return [Circle.parse(key).key for key in keys]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def say_rows(rows: Sequence[AgentRow]) -> None:
    """Print a table of agents."""
    if not rows:
        say("Nobody has an agent yet.")
        return
    cells = [
        (row.person.name, row.person.id, row.role, row.agent or "–", row.template) for row in rows
    ]
    say_table(("name", "person", "role", "agent", "template"), cells)


def row_json(row: AgentRow) -> dict[str, object]:
    """Return an agent as JSON."""
    return {
        "person": row.person.id,
        "name": row.person.name,
        "role": row.role,
        "agent": row.agent,
        "template": row.template,
    }


def say_findings(findings: Sequence[Finding]) -> None:
    """Print what was found, and what was done."""
    if not findings:
        say("There is nothing to do.")
    for finding in findings:
        say(
            f"{finding.row.agent or '–'} ({finding.row.role} of {finding.row.person.id}): "
            f"{_outcome(finding)}"
        )
        for sentence in (*finding.drift, *finding.memory):
            say(f"  {sentence}")


def _outcome(finding: Finding) -> str:
    if finding.error:
        return finding.error
    if not finding.drift:
        return "as its template says"
    return "mended" if finding.is_mended else "differs from its template"


def finding_json(finding: Finding) -> dict[str, object]:
    """Return a finding as JSON."""
    return {
        **row_json(finding.row),
        "drift": list(finding.drift),
        "memory": list(finding.memory),
        "mended": finding.is_mended,
        "error": finding.error or None,
    }


def say_prewarmed(results: Sequence[tuple[str, str]]) -> None:
    """Print how many have their agents, and who has not."""
    failed = [(person, error) for person, error in results if error]
    say(f"{len(results) - len(failed)} of {len(results)} people have their agents.")
    for person, error in failed:
        say(f"  {person}: {error}")


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is heard somewhere, and of whom."""

    policy: str
    decided_by: str | None
    """The place of [[places]] that decides; None where none does."""
    access: str
    """What lets the account in there, or what could."""


def hearing(
    policy: AccessPolicy, place: Conversation, identity: Identity, circles: Collection[str]
) -> Hearing:
    """Return what is heard there, and whether this account is."""
    way, rules = policy.way(identity, place.platform, place), policy.rules
    has_circle = way in (Way.CODE, Way.LIST) and policy.lists_one_of(circles)
    access = "A circle of the account may talk there: access.allow lists it." if has_circle else way
    return Hearing(rules.of(place).value, rules.deciding(place), str(access))


def say_hearing(told: Hearing) -> None:
    """Print what is heard there, and of whom."""
    why = "by default" if told.decided_by is None else f'[[places]] "{told.decided_by}"'
    say(f"The policy there is {told.policy} ({why}). {told.access}")


@dataclass(frozen=True, slots=True)
class Explained:
    """Which agent answers somewhere, and why."""

    agent: str
    mode: str
    owner: str
    """Whose agent it is: `each person`, `everybody`, or the id of a place."""
    allowed: bool
    rules: tuple[str, ...]
    """The rules that speak of it, the one that decided first; none where it is so by default."""


def explained(
    routing: Routing, decision: Decision, place: Conversation, identity: Identity
) -> Explained:
    """Return which agent answers, and why."""
    route, person = decision.route, person_id_of(identity)
    owner = lane_owner(route.lane(person, place), person, place)
    names = {person: "each person", EVERYONE: "everybody"}
    return Explained(
        agent=route.role,
        mode=route.mode.value,
        owner=names.get(owner, owner),
        allowed=decision.is_allowed,
        rules=tuple(
            f"[[bindings]] number {number + 1}: {routing.rules[number]} → "
            f"{routing.rules[number].role}"
            for number in decision.matching
        ),
    )


def say_explained(told: Explained) -> None:
    """Print which agent answers, and why."""
    say(f"The agent {told.agent} answers, in the mode {told.mode}; it belongs to {told.owner}.")
    if told.rules:
        say("These rules match. The most specific decides, and of equals the first:")
        for rule in told.rules:
            say(f"  {rule}")
    else:
        say("No [[bindings]] rule speaks of it: so it is by default.")
    if not told.allowed:
        say("It is not for this account: its `access` names others.")
