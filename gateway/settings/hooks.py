"""The doors by which other systems wake an agent."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.settings.kinds import (
    HookSecret,
    IdentityKey,
    Place,
    Prompt,
    RoleName,
    Section,
    check_apart,
)


class HookSettings(Section):
    """One address, `POST /hooks/<name>`, whose signed calls wake an agent."""

    name: RoleName = Field(description="Its name, the end of its address", examples=["ci"])
    secret: HookSecret = Field(
        description="What callers sign with; at least 16 characters",
        examples=["take a long random text"],
    )
    to: Place = Field(
        description="Conversation that it wakes, as platform:workspace:channel",
        examples=["discord:dm:99"],
    )
    prompt: Prompt = Field(
        default="Something happened: {payload}",
        description="What the agent is told; `{payload}` is what came, marked as not a person's",
    )
    agent: RoleName | None = Field(default=None, description="Which agent; else the default one")
    owner: IdentityKey | None = Field(
        default=None,
        description="Whose agent wakes, as platform:workspace:user; else who wrote there last",
    )


def _named_apart(hooks: tuple[HookSettings, ...]) -> tuple[HookSettings, ...]:
    check_apart("[[hooks]]", [hook.name for hook in hooks])
    return hooks


Hooks = Annotated[tuple[HookSettings, ...], AfterValidator(_named_apart)]
