"""The command that chooses the language model which thinks for one's agent."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.people import Mode
from gateway.models import Chosen, Models, named

DEFAULT = "default"
"""What is said for the agent's own model."""
_HERE = "here"
NO_CHOICE = "There is no model to choose here. Ask the operator of this bot."
NOT_YOURS = "This agent is shared with others, so its model is the operator's."
HOW = (
    "`/model NAME` changes it, `/model NAME here` for this conversation alone, and "
    f"`/model {DEFAULT}` takes that back."
)


async def _model(asked: Asked, reach: Reach) -> str:
    route = reach.route_of(asked)
    if route.mode is not Mode.PERSON:
        return NOT_YOURS
    if reach.models is None or not reach.models.allowed(route.role):
        return NO_CHOICE
    words = asked.arguments.split()
    is_here = len(words) == 2 and words[1].lower() == _HERE
    if not words:
        return await _shown(asked, reach, reach.models, route.role)
    if len(words) > 1 and not is_here:
        return HOW
    return await _choose(asked, reach.models, route.role, words[0].strip("`"), is_here=is_here)


async def _shown(asked: Asked, reach: Reach, models: Models, role: str) -> str:
    chosen = await models.chosen(asked.person, role, asked.turn.conversation)
    every = _listed(models.allowed(role))
    return f"{await _now(asked, reach, chosen)} There is {every}. {HOW}"


async def _now(asked: Asked, reach: Reach, chosen: Chosen) -> str:
    """Say what thinks at present, and since whose choice."""
    if chosen.now is not None:
        what = "for this conversation" if chosen.here else "for your agent"
        return f"**{chosen.now}** thinks for you here: you chose it {what}."
    agent, models = await reach.agent_of(asked), reach.own_models
    own = None if agent is None or models is None else await models.own(agent)
    if own is None:
        return "Your agent thinks with a model of its own."
    return f"**{own}** thinks for you here: your agent's own model."


async def _choose(asked: Asked, models: Models, role: str, typed: str, *, is_here: bool) -> str:
    allowed = models.allowed(role)
    handle = named(typed, allowed)
    if handle is None and typed.lower() != DEFAULT:
        return f'"{typed[:80]}" is not on the list of models. There is {_listed(allowed)}.'
    place = asked.turn.conversation
    await models.choose(asked.person, role, place, handle, is_here=is_here)
    if handle is None:
        left = (await models.chosen(asked.person, role, place)).now
        thinks = "your agent's own model" if left is None else f"**{left}**"
        return f"Taken back. From now on {thinks} thinks for you here."
    where = "in this conversation alone" if is_here else "wherever you talk to this agent"
    return f"From now on **{handle}** thinks for you, {where}."


def _listed(handles: Iterable[str]) -> str:
    return ", ".join(f"`{handle}`" for handle in handles)


FAMILY = (
    Command(
        CommandSpec(
            "model",
            "Which language model thinks for your agent; choose another",
            (CommandArgument("name", "The model from now on; NAME here, or default"),),
        ),
        _model,
    ),
)
