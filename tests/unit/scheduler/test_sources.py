"""What is new in data sources: fetched once, within limits, from nowhere that is ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, LaneId, PersonId, TurnId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.schedules import Rules, Schedule, Wakeup
from gateway.domain.turns import Turn, TurnRef
from gateway.errors import BadInput
from scheduler.sources import FetchOptions, GuardedFetch, SourceBriefing
from scheduler.sources.addresses import is_public
from scheduler.sources.feeds import LONGEST_PAGE, read_entries
from scheduler.wakeups import to_wakeup
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.pages import Page, Pages, served_pages
from tests.fakes.virtual_time import LoopClock

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
PLACE = Conversation("slack", "T1", "C2")
ADA = Sender(Identity("slack", "T1", "U1"), "Ada")
RSS = """<?xml version="1.0" encoding="ISO-8859-1"?>
<rss version="2.0"><channel><title>Papers</title>
<item><guid>1</guid><title>One</title><link>https://e.org/1</link>
<description>&lt;b&gt;Bold&lt;/b&gt; news</description></item>{more}</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>
<entry><id>a</id><title>First</title><link href="https://e.org/a"/><summary>S</summary></entry>
</feed>"""


@pytest.fixture
async def web() -> AsyncGenerator[Pages]:
    async with served_pages() as pages:
        yield pages


class Home:
    """A schedule, and who briefs its wakeups."""

    def __init__(self, *sources: str, heartbeat: bool = False) -> None:
        self.store = MemoryStore()
        self.artifacts = MemoryArtifacts(LoopClock())
        fetch = GuardedFetch(FetchOptions(allows_private=True, limit_bytes=5_000))
        self.briefing = SourceBriefing(self.store, self.artifacts, fetch, "postern")
        wakeup = Wakeup(PLACE, ADA, "Look.", data_sources=sources)
        rules = Rules(heartbeat=heartbeat)
        self.schedule = Schedule("s1", "every:60", "UTC", NOW, wakeup=wakeup, rules=rules)

    async def told(self, turn: str) -> str | None:
        """Return what the agent is told in this turn; None when it is called off."""
        await self.store.schedules.put(self.schedule)
        assert self.schedule.wakeup is not None
        message = to_wakeup(self.schedule, self.schedule.wakeup, NOW, 0)
        briefed = await self.briefing.brief(_turn(turn, message))
        return None if briefed is None else briefed.messages[0].text


def _turn(name: str, message: InboundMessage) -> Turn:
    ref = TurnRef(TurnId(name), LaneId("lane"), 1)
    return Turn(ref, PersonId("ada"), "postern", PLACE, (message,), 1, NOW)


async def test_a_feed_is_told_entry_by_entry_and_each_once(web: Pages) -> None:
    web.pages["/feed"] = Page(RSS.format(more="").encode())
    home = Home(f"{web.url}/feed")

    first = await home.told("turn-1")
    second = await home.told("turn-2")
    more = "<item><guid>2</guid><title>Two</title></item>"
    web.pages["/feed"] = Page(RSS.format(more=more).encode())
    third = await home.told("turn-3")

    assert first is not None
    assert "One\nhttps://e.org/1\nBold\nnews" in first
    assert "no request to you" in first
    assert second is None
    assert third is not None
    assert "Two" in third
    assert "One\n" not in third


async def test_the_same_turn_is_told_the_same_again(web: Pages) -> None:
    web.pages["/feed"] = Page(RSS.format(more="").encode())
    home = Home(f"{web.url}/feed")

    first, again = await home.told("turn-1"), await home.told("turn-1")

    assert first == again
    assert len(web.asked) == 1


async def test_a_page_that_has_not_changed_is_not_sent_again(web: Pages) -> None:
    web.pages["/page"] = Page(b"<html><script>x()</script><p>Hello</p>", headers={"ETag": '"v1"'})
    home = Home(f"{web.url}/page")

    first, second = await home.told("turn-1"), await home.told("turn-2")

    assert first is not None
    assert "Hello" in first
    assert "x()" not in first
    assert second is None
    assert web.asked[1]["if-none-match"] == '"v1"'


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (Page(b"x" * 5_001), "over 5,000 bytes"),
        (Page(status="500 Oops"), "answers with 500"),
        (Page(status="302 Found", headers={"Location": "/page"}), "redirects more than 5 times"),
        (Page(status="302 Found", headers={"Location": "file:///etc/passwd"}), "Only plain http"),
    ],
)
async def test_a_source_that_can_not_be_read_is_told_once(
    web: Pages, page: Page, said: str
) -> None:
    web.pages["/page"] = page
    home = Home(f"{web.url}/page")

    first, second = await home.told("turn-1"), await home.told("turn-2")

    assert first is not None
    assert said in first
    assert second is None


async def test_a_source_that_never_answers_is_let_go(web: Pages) -> None:
    web.pages["/page"] = Page(is_silent=True)
    fetch = GuardedFetch(FetchOptions(allows_private=True, timeout_seconds=0.1))

    with pytest.raises(BadInput, match=r"within 0\.1 seconds"):
        await fetch.get(f"{web.url}/page", {})


async def test_nothing_of_ours_is_fetched(web: Pages) -> None:
    fetch = GuardedFetch()
    port = web.url.rpartition(":")[2]

    for host in ("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0.0.0.0", "2130706433"):  # noqa: S104 - asked for, not bound
        with pytest.raises(BadInput):
            await fetch.get(f"http://{host}:{port}/", {})
    for url in ("ftp://e.org/", "http://user:pw@e.org/", "http:///x", "nonsense"):
        with pytest.raises(BadInput):
            await fetch.get(url, {})
    assert web.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - compared, nothing listens
        "224.0.0.1",
        "::1",
        "fd00::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "fec0::1",
        "64:ff9b:1::1",
    ],
)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_atom_is_read_too() -> None:
    (entry,) = read_entries(ATOM, "application/atom+xml")

    assert entry.text == "First\nhttps://e.org/a\nS"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><item>&b;</item></rss>',
        "<rss><item>",
        "<rss" * 1000,
        "",
        "plain\ud800",
    ],
)
def test_what_is_no_feed_is_one_text(text: str) -> None:
    (entry,) = read_entries(text, "text/xml")

    assert "aaaa" not in entry.text.replace('"aaaa"', "")


@pytest.mark.parametrize(
    "piece", ["<a ", "</", "<!--", "<a b='", "<?", "<script>", "&#1", "&lt;a "]
)
def test_a_page_of_tags_that_never_end_holds_nobody_up(piece: str) -> None:
    # html.parser takes many minutes for it, which the limit of this test does not allow.
    (entry,) = read_entries("<html>" + piece * (900_000 // len(piece)), "text/html")

    assert len(entry.text) <= LONGEST_PAGE


def test_a_page_is_read_without_its_tags_and_what_they_hide() -> None:
    page = (
        "<!DOCTYPE html><title>T</title><STYLE>s</style ><script src='x'>if (a<b) {}</script>"
        "<!-- c > d --><p class=a>Fish &amp; <b>chips</b>,\n 1 < 2<br/>end &#x1F41F;"
        f"<noscript>n</noscript> &#{'1' * 5_000}; <![CDATA["
    )

    (entry,) = read_entries(page, "text/html")

    assert entry.text.splitlines() == [
        "T",
        "Fish &",
        "chips",
        ", 1 < 2",
        "end \N{FISH}",
        "\ufffd <![CDATA[",
    ]


@pytest.mark.parametrize("charset", ["undefined", "idna", "unicode_escape", "hex", "no-such"])
async def test_whatever_a_page_says_of_its_letters_it_is_read(web: Pages, charset: str) -> None:
    kind = {"Content-Type": f"text/plain; charset={charset}"}
    web.pages["/page"] = Page(b"News \\ud800 \0 \xff", headers=kind)
    home = Home(f"{web.url}/page")

    told = await home.told("turn-1")

    assert told is not None
    assert "News" in told
    assert told.encode().isascii() is False


async def test_a_validator_that_can_not_be_sent_back_is_not_kept(web: Pages) -> None:
    web.pages["/page"] = Page(b"News", headers={"ETag": '"\xe9"', "Last-Modified": "today"})
    home = Home(f"{web.url}/page")

    first, second = await home.told("turn-1"), await home.told("turn-2")

    assert first is not None
    assert second is None
    assert "if-none-match" not in web.asked[1]
    assert web.asked[1]["if-modified-since"] == "today"


async def test_unread_messages_are_handed_over_once() -> None:
    home = Home("unread")
    route = Route("postern")
    said = InboundMessage("e1", PLACE, ADA, "The printer is on fire.", NOW)
    await home.store.turns.accept(said, route, NOW)

    first, second = await home.told("turn-1"), await home.told("turn-2")

    assert first is not None
    assert "The printer is on fire." in first
    assert second is None


async def test_new_and_changed_files_of_the_agent_are_named() -> None:
    home = Home("artifacts:notes")
    await home.store.people.intend_agent(PersonId("ada"), "postern", NOW)
    await home.store.people.bind_agent(PersonId("ada"), "postern", AgentId("agent-1"))
    await home.artifacts.save("agent-1/notes/a.txt", b"one")
    await home.artifacts.save("agent-2/notes/b.txt", b"not mine")

    first, second = await home.told("turn-1"), await home.told("turn-2")
    await home.artifacts.save("agent-1/notes/a.txt", b"two!")
    third = await home.told("turn-3")

    assert first is not None
    assert "agent-1/notes/a.txt (3 bytes)" in first
    assert "agent-2" not in first
    assert second is None
    assert third is not None
    assert "(4 bytes)" in third


async def test_files_that_agents_saved_for_the_person_are_named_too() -> None:
    home = Home("artifacts:")
    await home.artifacts.save("ada/report.txt", b"one")
    await home.artifacts.save("bob/report.txt", b"not mine")

    first = await home.told("turn-1")

    assert first is not None
    assert "ada/report.txt (3 bytes)" in first
    assert "bob" not in first


async def test_names_that_only_the_agent_knows_always_wake_it() -> None:
    assert await Home("arxiv", "email").told("turn-1") is not None
    assert await Home("unread", "arxiv").told("turn-1") is not None


async def test_a_heartbeat_needs_news() -> None:
    assert await Home(heartbeat=True).told("turn-1") is None
    assert await Home("unread", "arxiv", heartbeat=True).told("turn-1") is None


async def test_a_wakeup_without_sources_is_left_as_it_is() -> None:
    home = Home()
    home.schedule = replace(home.schedule, id="s2")

    told = await home.told("turn-1")

    assert told is not None
    assert told.startswith("Look.")
    assert "--- data" not in told


async def test_a_call_is_made_once_and_no_redirect_is_followed(web: Pages) -> None:
    web.pages["/cb"] = Page(status="302 Found", headers={"Location": f"{web.url}/elsewhere"})
    fetch = GuardedFetch(FetchOptions(allows_private=True))

    status = await fetch.post(f"{web.url}/cb", {"x-postern-delivery": "t"}, b"{}")

    assert status == 302
    assert [(each["path"], each["x-postern-delivery"]) for each in web.asked] == [("/cb", "t")]


@pytest.mark.parametrize("url", ["{web}/cb", "http://localhost:1/", "ftp://e.org", "http://[::1]/"])
async def test_no_call_reaches_what_only_we_can_reach(web: Pages, url: str) -> None:
    with pytest.raises(BadInput):
        await GuardedFetch().post(url.format(web=web.url), {}, b"{}")

    assert web.asked == []
