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
    """The next thing to do in this turn: first every tool that is needed, then one answer."""
    text = asked(request.messages)
    groups = returned(request.messages)
    intro = NO_MODEL if is_first_contact(request) else ""
    called = None if groups else _call_tool(request, text, now)
    if isinstance(called, Use):
        return called
    decisions = [called] if called else _decisions(request, text, now, has_acted=bool(groups))
    wished = tuple(call for item in decisions if isinstance(item, Use) for call in item.calls)
    if wished and not groups:
        return Use(wished)
    said = [item.text for item in decisions if isinstance(item, Say)]
    if groups:
        said.insert(0, _after_tools(text, groups[-1]))
    return Say(intro + ("\n\n".join(said) or _echo(text)))


def _decisions(
    request: ModelRequest, text: str, now: datetime, *, has_acted: bool
) -> list[Decision]:
    """What each skill makes of the text; those that act had their say before their tools ran."""
    answering = (_recall, _tell_time)
    skills = answering if has_acted else (_remind, _remember, _search, *answering)
    decisions = [skill(request, text, now) for skill in skills]
    return [decision for decision in decisions if decision is not None]


def find_facts(text: str) -> list[Fact]:
    """The facts somebody tells about themselves, one a sentence, in order; questions tell none."""
    sentences = [] if _CALL.search(text) else sentences_of(text)
    told = [item for item in sentences if not item.endswith("?") and not _REMINDER.search(item)]
    found = [_fact_in(sentence) for sentence in told]
    return list(dict.fromkeys(fact for fact in found if fact is not None))


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, each with its mark; lines end sentences too."""
    return [part.strip() for part in _BETWEEN.split(text) if part.strip()]


def _fact_in(sentence: str) -> Fact | None:
    for pattern, key in _FACTS:
        match = pattern.search(sentence)
        if match is None:
            continue
        value = match.group(match.lastindex or 0).strip().rstrip(".!").strip()
        if value:
            return Fact(key(match), value)
    return None


# A short capitalised word before the point is a title ("Dr. Who"), not an end.
_BETWEEN: Final = re.compile(r"(?<!\b[A-Z][a-z]\.)(?<!\b[A-Z]\.)(?<=[.!?])\s+|\n+")
_REMINDER: Final = re.compile(r"\bremind me\b", re.IGNORECASE)
_CALL: Final = re.compile(r"^\s*call [A-Za-z0-9_.-]+\s*\{", re.MULTILINE)


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
    wished = next((item for item in sentences_of(text) if _REMINDER.search(item)), None)
    reminder = wished and (find_reminder(wished, now) or find_reminder(text, now))
    if not reminder:
        return None
    for tool in request.tools:
        arguments = reminder_arguments(tool.name, tool.parameters, reminder)
        if arguments is not None:
            return _use(tool.name, arguments)
    return Say("I was given no tool to set reminders with.")


def _remember(request: ModelRequest, text: str, _now: datetime) -> Decision | None:
    facts = find_facts(text)
    if not facts:
        return None
    human = _human(request)
    if human is None:
        return Say("I have no `human` memory block to write that into.")
    news = [fact for fact in facts if fact.line not in human.splitlines()]
    if not news:
        return Say(f"I know: {'; '.join(fact.line.removeprefix('- ') for fact in facts)}.")
    latest = {fact.key or fact.line: fact for fact in news}.values()
    calls = tuple(call for fact in latest if (call := _write(request, human, fact)))
    return Use(calls) if calls else Say("I was given no tool to write into my memory with.")


def _write(request: ModelRequest, human: str, fact: Fact) -> WishedCall | None:
    old = next((line for line in human.splitlines() if line.startswith(f"{fact.key}:")), None)
    if fact.key and old is not None and request.offers("memory_replace"):
        arguments = {"label": "human", "old_string": old, "new_string": fact.line}
        return _call("memory_replace", arguments)
    if request.offers("memory_insert"):
        return _call("memory_insert", {"label": "human", "new_string": fact.line})
    if request.offers("core_memory_append"):
        return _call("core_memory_append", {"label": "human", "content": fact.line})
    return None


def _search(request: ModelRequest, text: str, _now: datetime) -> Decision | None:
    asked_for = _ABOUT.search(text)
    if asked_for is None or not request.offers("conversation_search"):
        return None
    return _use("conversation_search", {"query": asked_for.group(1).strip(), "limit": 5})


_ABOUT: Final = re.compile(
    r"\b(?:what did (?:i|we|you) (?:say|tell|talk|write|mention)\b.*?\babout"
    r"|search (?:our|the|this|my) (?:conversation|history|messages|chat)s? for) ([^?\n]+)",
    re.IGNORECASE,
)


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
        earlier = f"\n\nFrom earlier:\n\n{request.summary}" if request.summary else ""
        if not facts and not earlier:
            return Say("I know nothing about you yet. Tell me, for example, your name.")
        known = "\n".join(f"- {fact}" for fact in facts)
        return Say(f"This is what I know:\n\n{known}{earlier}")
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
    parts = [f"`{item.name}` failed: {item.text}" for item in returns if item.status == "error"]
    done = [item for item in returns if item.status == "success"]
    written = [item for item in done if item.name in _MEMORY_TOOLS]
    facts = find_facts(text)
    if facts and len(written) == len([item for item in returns if item.name in _MEMORY_TOOLS]) > 0:
        parts.append(_remembered(facts))
        done = [item for item in done if item not in written]
    parts += [f"`{item.name}` says: {item.text}" for item in done]
    return "\n\n".join(parts)


_MEMORY_TOOLS: Final = ("memory_insert", "memory_replace", "core_memory_append")


def _remembered(facts: list[Fact]) -> str:
    name = next((fact.value for fact in facts if fact.key == "Name"), None)
    greeting = f"Nice to meet you, **{name}**. " if name else "Noted. "
    lines = ", ".join(f"*{fact.line.removeprefix('- ')}*" for fact in facts)
    return f"{greeting}I wrote it into my memory: {lines}."


def _echo(text: str) -> str:
    if not text:
        return "I heard nothing I could read."
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    return f"You said:\n\n{quoted}\n\nOffline I can only repeat that, remember facts and use tools."


def _use(name: str, arguments: Mapping[str, object]) -> Use:
    return Use((_call(name, arguments),))


def _call(name: str, arguments: Mapping[str, object]) -> WishedCall:
    return WishedCall(name, json.dumps(dict(arguments), ensure_ascii=False))


def _human(request: ModelRequest) -> str | None:
    return next((block.value for block in request.blocks if block.label == "human"), None)
