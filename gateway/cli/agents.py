"""`postern agents`: who has which agents, how they stand to their templates, and mending them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import agent_views as views
from gateway.cli.terminal import AsJson, say, say_json

if TYPE_CHECKING:
    from gateway.bootstrap.agents import AgentDesk, AgentRoster
    from gateway.domain.agent_reports import AgentRow, Finding
    from gateway.domain.people import Identity
    from gateway.domain.routing import Decision, Routing
    from gateway.rights.policy import AccessPolicy

app = typer.Typer(help="Look at people's agents, and mend them.", no_args_is_help=True)

WhoOption = Annotated[
    str | None,
    typer.Option("--person", help="One person: platform:workspace:user, or the person's id."),
]
RoleOption = Annotated[str | None, typer.Option("--role", help="One role of the settings.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("list")
def list_agents(who: WhoOption = None, role: RoleOption = None, as_json: AsJson = False) -> None:
    """List the agents that are known. Each stands beside its template."""
    rows = asyncio.run(_rows(who, role))
    if as_json:
        say_json([views.row_json(row) for row in rows])
    else:
        views.say_rows(rows)


@app.command()
def show(
    who: Annotated[str, typer.Argument(help="Whose: platform:workspace:user, or an id.")],
    role: RoleOption = None,
    as_json: AsJson = False,
) -> None:
    """Compare a person's agents with their templates; nothing is changed."""
    _say_findings(asyncio.run(_looked(who, role)), as_json=as_json)


@app.command()
def repair(
    who: WhoOption = None,
    role: RoleOption = None,
    dry_run: DryRun = False,
    forget_missing: Annotated[
        bool,
        typer.Option(
            "--forget-missing",
            help="Forget agents that Letta surely no longer has: new ones are made for them.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare agents with their templates, and mend what differs."""
    if dry_run:
        findings = asyncio.run(_looked(who, role))
    else:
        findings = asyncio.run(_repaired(who, role, forget_missing=forget_missing))
    _say_findings(findings, as_json=as_json)


@app.command()
def rollout(role: RoleOption = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Bring agents up to templates that changed. Adopted ones stay as they are."""
    _say_findings(asyncio.run(_rolled_out(role, dry_run=dry_run)), as_json=as_json)


@app.command()
def prewarm(
    role: RoleOption = None,
    at_once: Annotated[int, typer.Option(min=1, max=100, help="People at a time.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Make the agents that known people lack. Then nobody waits for one."""
    failures = asyncio.run(_prewarmed(role, at_once))
    if as_json:
        say_json([{"person": person, "error": error or None} for person, error in failures])
    else:
        views.say_prewarmed(failures)
    if any(error for _, error in failures):
        raise typer.Exit(1)


@app.command()
def adopt(
    agent: Annotated[str, typer.Argument(help="The id of the agent in Letta.")],
    who: Annotated[
        str, typer.Option("--person", help="Whose it becomes: an account, or a person's id.")
    ],
    role: Annotated[str, typer.Option("--role", help="As which role of the settings.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where the person has one already.")
    ] = False,
) -> None:
    """Make an agent of Letta's a person's own. It stays as it is."""
    before = asyncio.run(_adopted(agent, who, role, may_replace=replace))
    say(f'"{agent}" is the agent "{role}" of "{who}" now.')
    if before not in (None, agent):
        say(f'"{before}" rests: it is kept in Letta, and hears nothing.')


@app.command()
def explain(
    conversation: Annotated[str, typer.Argument(help="platform:workspace:channel[:thread].")],
    who: Annotated[
        str | None,
        typer.Option("--person", help="The account that writes: platform:workspace:user."),
    ] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="The agent that the message is addressed to.")
    ] = None,
    circle: Annotated[
        list[str] | None,
        typer.Option("--circle", metavar="<str>", help="A role or usergroup that the account has."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell which agent answers somewhere, what is heard there, and why."""
    place, identity = views.read_place(conversation), views.read_identity(who, conversation)
    circles = views.read_circles(circle or [])
    routing, decision = _decided(conversation, identity, role, circles)
    told = views.explained(routing, decision, place, identity)
    heard = views.hearing(_policy(), place, identity, circles)
    if as_json:
        say_json({**asdict(told), "hearing": asdict(heard)})
    else:
        views.say_explained(told)
        views.say_hearing(heard)


def _say_findings(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        say_json([views.finding_json(finding) for finding in findings])
    else:
        views.say_findings(findings)
    if any(finding.error for finding in findings):
        raise typer.Exit(1)


async def _rows(who: str | None, role: str | None) -> list[AgentRow]:
    async with _opened_roster() as roster:
        return await roster.rows(who, role)


async def _looked(who: str | None, role: str | None) -> list[Finding]:
    async with _opened_desk() as desk:
        return [await desk.look(row) for row in await desk.roster.rows(who, role)]


async def _repaired(who: str | None, role: str | None, *, forget_missing: bool) -> list[Finding]:
    async with _opened_desk() as desk:
        rows = await desk.roster.rows(who, role)
        gone = [row for row in rows if forget_missing and await desk.let_go(row)]
        return [await desk.mend(row) for row in rows if row not in gone]


async def _rolled_out(role: str | None, *, dry_run: bool) -> list[Finding]:
    async with _opened_desk() as desk:
        behind = [row for row in await desk.roster.rows(role=role) if row.template == "behind"]
        return [await (desk.look(row) if dry_run else desk.mend(row)) for row in behind]


async def _prewarmed(role: str | None, at_once: int) -> list[tuple[str, str]]:
    from gateway.bootstrap.choices import routes
    from gateway.cli.loading import load

    roles = [name for name in routes(load()).of_each_person if role in (None, name)]
    async with _opened_desk() as desk:
        people = await desk.known_people()
        return [each async for each in desk.prewarm(people, roles, at_once)]


async def _adopted(agent: str, who: str, role: str, *, may_replace: bool) -> str | None:
    from gateway.domain.ids import AgentId

    async with _opened_desk() as desk:
        return await desk.adopt(AgentId(agent), who, role, may_replace=may_replace)


def _decided(
    conversation: str, identity: Identity, role: str | None, circles: Collection[str]
) -> tuple[Routing, Decision]:
    from gateway.bootstrap.choices import routes
    from gateway.cli.loading import load
    from gateway.errors import BadInput

    routing = routes(load())
    try:
        return routing, routing.decide(views.read_place(conversation), identity, role, circles)
    except KeyError:
        raise BadInput(f'There is no agent "{role}" in the settings.') from None


def _policy() -> AccessPolicy:
    from gateway.bootstrap.choices import access_policy
    from gateway.cli.loading import load

    return access_policy(load())


@asynccontextmanager
async def _opened_roster() -> AsyncGenerator[AgentRoster]:
    from gateway import bootstrap
    from gateway.cli.loading import load
    from gateway.data_dir import prepare

    settings = load()
    prepare(settings.data_dir)
    async with bootstrap.opened_store(settings) as store:
        yield bootstrap.agent_roster(settings, store)


@asynccontextmanager
async def _opened_desk() -> AsyncGenerator[AgentDesk]:
    from gateway import bootstrap
    from gateway.cli.loading import load
    from gateway.clock import SystemClock
    from gateway.data_dir import prepare

    settings, clock = load(), SystemClock()
    prepare(settings.data_dir)
    async with (
        bootstrap.opened_store(settings) as store,
        bootstrap.opened_agents(settings, store, clock) as desk,
    ):
        yield desk
