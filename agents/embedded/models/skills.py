"""What the offline model can do, decided from its context alone. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from agents.embedded.models.model import ModelRequest
from agents.embedded.models.reading import asked, is_first_contact, parse_call, returned
from agents.embedded.models.reminders import find_reminder, reminder_arguments
from agents.embedded.records import ToolReturn

NO_MODEL: Final = (
    "**No language model is configured**, so I am Postern's offline stand-in. To give me a real "
    "mind, set `OPENAI_API_KEY`, or put `base_url` and `name` under `[model]` in `postern.toml`, "
    "and start Postern again.\n\nUntil then I can still:\n\n"
    "- remember facts (*my name is Ada*, *I live in Paris*, *remember that …*)\n"
    "- recall them (*what do you know about me?*), also after a restart\n"
    "- tell the time, and call a tool by its name (`call NAME {…}`)\n\n"
)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with this Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class WishedCall:
    """A tool and its arguments (JSON)."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Use:
    """Call these tools first."""

    calls: tuple[WishedCall, ...]


Decision: TypeAlias = Say | Use


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the `human` block: `Name: Ada`. Facts without a key are just noted."""

    key: str
    value: str

    @property
    def line(self) -> str:
        """The fact as it stands in the block."""
        return f"{self.key}: {self.value}" if self.key else f"- {self.value}"


def decide(request: ModelRequest, now: datetime) -> Decision:
    """The next thing to do in this turn."""
    text = asked(request.messages)
    groups = returned(request.messages)
    intro = NO_MODEL if is_first_contact(request.messages) else ""
    if groups:
        return Say(intro + _after_tools(text, groups[-1]))
    for skill in (_call_tool, _remind, _remember, _recall, _tell_time):
        decision = skill(request, text, now)
        if isinstance(decision, Use):
            return decision
        if decision is not None:
            return Say(intro + decision.text)
    return Say(intro + _echo(text))


def find_fact(text: str) -> Fact | None:
    """The fact somebody tells about themselves, if there is one."""
    for pattern, key in _FACTS:
        match = pattern.search(text)
        if match is None:
            continue
        value = match.group(match.lastindex or 0).strip().rstrip(".!").strip()
        if value:
            return Fact(key(match), value)
    return None


def _key(name: str) -> Callable[[re.Match[str]], str]:
    return lambda _match: name


_FACTS: Final[list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]] = [
    (re.compile(r"\bmy name(?: is|'s) ([^\n.,!?]+)", re.IGNORECASE), _key("Name")),
    (re.compile(r"^\s*call me ([^\n.,!?{]+)", re.IGNORECASE), _key("Name")),
    (re.compile(r"\bI live in ([^\n.!?]+)", re.IGNORECASE), _key("Lives in")),
    (re.compile(r"\bI work (?:as|at|for) ([^\n.!?]+)", re.IGNORECASE), _key("Works")),
    (
        re.compile(r"\bmy favou?rite ([^\n.!?]+?) (?:is|are) ([^\n.!?]+)", re.IGNORECASE),
        lambda match: f"Favourite {match.group(1).strip().lower()}",
    ),
    (re.compile(r"\bremember (?:that )?([^\n?]+)", re.IGNORECASE), _key("")),
]


def _call_tool(request: ModelRequest, text: str, _now: datetime) -> Decision | None:
    wished = [call for line in text.splitlines() if (call := parse_call(line))]
    if not wished:
        return None
    missing = [name for name, _ in wished if not request.offers(name)]
    if missing:
        offered = ", ".join(f"`{tool.name}`" for tool in request.tools) or "none"
        return Say(f"I have no tool named `{missing[0]}`. I have: {offered}.")
    return Use(tuple(WishedCall(name, arguments) for name, arguments in wished))


def _remind(request: ModelRequest, text: str, now: datetime) -> Decision | None:
    reminder = find_reminder(text, now)
    if reminder is None:
        return None
    for tool in request.tools:
        arguments = reminder_arguments(tool.name, tool.parameters, reminder)
        if arguments is not None:
            return _use(tool.name, arguments)
    return Say("I was given no tool to set reminders with.")


def _remember(request: ModelRequest, text: str, _now: datetime) -> Decision | None:
    if text.rstrip().endswith("?"):
        return None
    fact = find_fact(text)
    if fact is None:
        return None
    human = _human(request)
    if human is None:
        return Say("I have no `human` memory block to write that into.")
    if fact.line in human.splitlines():
        return Say(f"I know: {fact.line.removeprefix('- ')}.")
    return _write(request, human, fact)


def _write(request: ModelRequest, human: str, fact: Fact) -> Decision:
    old = next((line for line in human.splitlines() if line.startswith(f"{fact.key}:")), None)
    if fact.key and old is not None and request.offers("memory_replace"):
        arguments = {"label": "human", "old_string": old, "new_string": fact.line}
        return _use("memory_replace", arguments)
    if request.offers("memory_insert"):
        return _use("memory_insert", {"label": "human", "new_string": fact.line})
    if request.offers("core_memory_append"):
        return _use("core_memory_append", {"label": "human", "content": fact.line})
    return Say("I was given no tool to write into my memory with.")


def _recall(request: ModelRequest, text: str, _now: datetime) -> Decision | None:
    wanted = text.lower()
    human = _human(request) or ""
    if re.search(r"\b(what('s| is) my name|who am i)\b", wanted):
        return Say(_recalled(_with_name(human), "Name", "Your name is **{}**.", "your name"))
    if re.search(r"\bwhere do i live\b", wanted):
        return Say(_recalled(human, "Lives in", "You live in **{}**.", "where you live"))
    favourite = re.search(r"\bwhat(?:'s| is| are) my favou?rite ([^?\n]+)", wanted)
    if favourite:
        thing = favourite.group(1).strip()
        said = f"Your favourite {thing} is **{{}}**."
        return Say(_recalled(human, f"Favourite {thing}", said, f"your favourite {thing}"))
    if re.search(r"\bwhat do you (know|remember)\b", wanted):
        facts = [line.removeprefix("- ") for line in human.splitlines() if line.strip()]
        if not facts:
            return Say("I know nothing about you yet. Tell me, for example, your name.")
        return Say("This is what I know:\n\n" + "\n".join(f"- {fact}" for fact in facts))
    return None


def _with_name(human: str) -> str:
    told = re.search(r"\bname is ([^\n.]+)", human)
    return f"{human}\nName: {told.group(1)}" if told else human


def _recalled(human: str, key: str, sentence: str, what: str) -> str:
    for line in human.splitlines():
        if line.lower().startswith(f"{key.lower()}:"):
            return sentence.format(line.split(":", 1)[1].strip())
    return f"I do not know {what} yet. Tell me and I will remember."


def _tell_time(request: ModelRequest, text: str, now: datetime) -> Decision | None:
    if not re.search(r"\bwhat('s| is)? ?(the )?(time|date|day)\b", text.lower()):
        return None
    for tool in request.tools:
        if re.search(r"(^|_)(time|now|clock|date)($|_)", tool.name.lower()):
            return _use(tool.name, {})
    return Say(f"It is **{now:%H:%M}** on {now:%A, %d %B %Y} (UTC).")


def _after_tools(text: str, returns: tuple[ToolReturn, ...]) -> str:
    failed = [item for item in returns if item.status == "error"]
    if failed:
        return "\n\n".join(f"`{item.name}` failed: {item.text}" for item in failed)
    fact = find_fact(text)
    if fact is not None and all(item.name in _MEMORY_TOOLS for item in returns):
        return _remembered(fact)
    return "\n\n".join(f"`{item.name}` says: {item.text}" for item in returns)


_MEMORY_TOOLS: Final = ("memory_insert", "memory_replace", "core_memory_append")


def _remembered(fact: Fact) -> str:
    greeting = f"Nice to meet you, **{fact.value}**. " if fact.key == "Name" else "Noted. "
    return f"{greeting}I wrote it into my memory: *{fact.line.removeprefix('- ')}*."


def _echo(text: str) -> str:
    if not text:
        return "I heard nothing I could read."
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    return f"You said:\n\n{quoted}\n\nOffline I can only repeat that, remember facts and use tools."


def _use(name: str, arguments: Mapping[str, object]) -> Use:
    return Use((WishedCall(name, json.dumps(dict(arguments), ensure_ascii=False)),))


def _human(request: ModelRequest) -> str | None:
    return next((block.value for block in request.blocks if block.label == "human"), None)
