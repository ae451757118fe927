"""The command to give one's agent files that it looks things up in."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.commands.command import Asked, Command, Reach, first_word
from gateway.commands.owned import all_that_they_were
from gateway.commands.remembering import own_agent
from gateway.domain.artifacts import Attachment, Contents
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.ids import AgentId
from gateway.domain.memory import Ingestion, KnownFile
from gateway.errors import BadInput
from gateway.ports import AgentFiles, ArtifactStore

LARGEST_BYTES = 10_000_000
"""Of one file; the embedded server takes no more, and Letta not much."""
MOST = 100
"""Files of one agent."""
NONE = "Your agent looks nothing up in files yet."
HOW = (
    "Send me a file and say `/files add NAME`, or `/files add` for the last one that you sent; "
    "`/files remove NAME` takes it away again."
)
NOT_HERE = "Agents look nothing up in files here."
NOT_SENT = "You have sent no file of this name, and your agent has saved none."
TOO_MANY = f"Your agent has {MOST} files already. Take one away first."


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The files of one agent, and where its person's own are."""

    asked: Asked
    reach: Reach
    agent: AgentId
    files: AgentFiles
    artifacts: ArtifactStore

    async def list(self) -> str:
        """Tell all of them, and how far each is."""
        known = await self.files.files(self.agent)
        lines = [
            f"- `{_plain(each.name)}` ({each.size_bytes:,} bytes): {_state(each)}" for each in known
        ]
        return "\n".join([*lines, HOW]) if lines else f"{NONE} {HOW}"

    async def add(self, name: str) -> str:
        """Let the agent read a file that its person sent, or that it saved for them."""
        found = await self._find(name)
        if found is None:
            return NOT_SENT
        called, contents = found
        about = contents.artifact
        if about.size_bytes > LARGEST_BYTES:
            return f"It has {about.size_bytes:,} bytes; {LARGEST_BYTES:,} are the most."
        known = await self.files.files(self.agent)
        file = Attachment(called, about.media_type, about.size_bytes, about.key)
        if len(known) >= MOST and file.name not in (each.name for each in known):
            return TOO_MANY
        return _added(await self.files.add(self.agent, file, contents.data))

    async def remove(self, name: str) -> str:
        """Take a file from the agent; what its person sent stays theirs."""
        if not await self.files.remove(self.agent, name):
            return f"Your agent has no file `{_plain(name)}`."
        return f"Your agent looks nothing up in `{_plain(name)}` any more."

    async def _find(self, name: str) -> tuple[str, Contents] | None:
        """Return the newest file of this name that the person sent, or else the saved one."""
        for key in reversed(await self._sent()):
            said = _name_in(key)
            if not name or said.casefold() == name.casefold():
                sent = await self.artifacts.load(key)
                if sent is not None:
                    return said, sent
        saved = await self._saved(name)
        return None if saved is None else (name.rpartition("/")[2], saved)

    async def _saved(self, name: str) -> Contents | None:
        try:
            return await self.artifacts.load(f"{self.asked.person}/{name}")
        except BadInput:
            return None

    async def _sent(self) -> list[str]:
        """Return the keys of what the person sent, by whichever account, about oldest first."""
        people = await all_that_they_were(self.asked.person, self.reach)
        return [key for each in people for key in await self.reach.store.personal.files(each)]


async def _files(asked: Asked, reach: Reach) -> str:
    agent, why_not = await own_agent(asked, reach)
    if agent is None:
        return why_not
    if reach.files is None or reach.artifacts is None:
        return NOT_HERE
    shelf = _Shelf(asked, reach, agent, reach.files, reach.artifacts)
    verb, rest = first_word(asked.arguments)
    name = rest.strip("`")
    match verb.lower():
        case "":
            return await shelf.list()
        case "add":
            return await shelf.add(name)
        case "remove" if name:
            return await shelf.remove(name)
        case _:
            return HOW


def _name_in(key: str) -> str:
    """Return what its sender called a file; its place in the message stands before it. Pure."""
    return key.rpartition("/")[2].partition("-")[2]


def _state(known: KnownFile) -> str:
    match known.ingestion:
        case Ingestion.READY:
            return "ready"
        case Ingestion.READING:
            return "still being read"
        case Ingestion.FAILED:
            return f"could not be read. {_plain(known.why)}".rstrip()


def _added(known: KnownFile) -> str:
    name = f"`{_plain(known.name)}`"
    match known.ingestion:
        case Ingestion.READY:
            return f"Your agent looks things up in {name} from now on."
        case Ingestion.READING:
            return f"{name} is being read; `/files` tells when your agent finds things in it."
        case Ingestion.FAILED:
            return f"{name} could not be read. {_plain(known.why)}".rstrip()


def _plain(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable() and sign != "`")[:200]


FAMILY = (
    Command(
        CommandSpec(
            "files",
            "Files that your agent looks things up in; add one, take one away",
            (CommandArgument("what", "add, add NAME, or remove NAME; all of them without"),),
        ),
        _files,
    ),
)
