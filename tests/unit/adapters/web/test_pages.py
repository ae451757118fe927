"""A page hears everything of its conversation, in order, within bounded memory."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from adapters.web.open_pages import OpenPages
from adapters.web.pages import FRAMES_LIMIT, LONG_TEXT, Draft, Frame, Page
from adapters.web.sessions import new_token, visitor_of
from gateway.domain.ids import ConversationId, DeliveryId
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.virtual_time import VirtualTimeLoop

ADA = ConversationId("web:postern:ada")
BOB = ConversationId("web:postern:bob")
REPLY = DeliveryId("turn-1.0")


def _frame(text: str) -> Frame:
    return Frame(text, text)


def _draft(text: str) -> tuple[Draft, Draft]:
    return Draft(text, str), Draft(text, str)


async def _take(page: Page) -> str | None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await page.take()


async def test_frames_come_in_order() -> None:
    page = Page()
    for text in ("one", "two"):
        page.put(_frame(text))

    assert [await _take(page), await _take(page)] == ["one", "two"]


async def test_of_a_draft_only_the_newest_text_is_shown() -> None:
    page = Page()
    for text in ("H", "He", "Hello"):
        page.put_draft(REPLY, Draft(text, str))
    page.put(_frame("end"))

    assert [await _take(page), await _take(page)] == ["end", "Hello"]


async def test_a_draft_whose_reader_stopped_waiting_is_there_for_the_next() -> None:
    page, may_render, text = Page(), threading.Event(), "x" * (LONG_TEXT + 1)

    def slow(markdown: str) -> str:
        may_render.wait(PATIENCE_SECONDS)
        return markdown

    page.put_draft(REPLY, Draft(text, slow))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await page.take()
    may_render.set()

    assert await _take(page) == text
    assert not page.is_waiting


def test_drafts_are_paced_and_frames_are_not() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(_what_comes_between_two_drafts()) == ["typing", "b"]


async def _what_comes_between_two_drafts() -> list[str | None]:
    page = Page()
    page.put_draft(REPLY, Draft("a", str))
    await _take(page)

    page.put_draft(REPLY, Draft("b", str))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_take(page))
        await asyncio.sleep(0)
        page.put(_frame("typing"))
    return [waiting.result(), await _take(page)]


async def test_a_page_that_is_too_slow_is_sent_away_and_holds_nothing() -> None:
    page = Page()
    for _ in range(FRAMES_LIMIT + 1):
        page.put(_frame("x"))
    page.put_draft(REPLY, Draft("x", str))

    assert await _take(page) is None
    assert page.is_closed


async def test_frames_of_one_person_never_reach_another() -> None:
    pages = OpenPages()
    with pages.opened(ADA, wants_html=True) as hers, pages.opened(BOB, wants_html=True) as his:
        pages.publish(ADA, _frame("secret"))
        pages.draft(ADA, REPLY, *_draft("secret draft"))
        pages.end(ADA, REPLY, _frame("secret end"))
        with pages.typing(ADA, _frame("secret on"), _frame("secret off")):
            pass
        pages.publish(BOB, _frame("his"))

        assert await _take(his) == "his"
        assert await _take(hers) == "secret"


async def test_a_page_that_opens_late_sees_the_growing_answer() -> None:
    pages = OpenPages()
    pages.draft(ADA, REPLY, *_draft("so far"))

    with pages.opened(ADA, wants_html=True) as page:
        assert await _take(page) == "so far"


async def test_a_late_draft_never_replaces_the_end() -> None:
    pages = OpenPages()
    with pages.opened(ADA, wants_html=True) as page:
        pages.draft(ADA, REPLY, *_draft("waiting"))
        pages.end(ADA, REPLY, _frame("end"))
        pages.draft(ADA, REPLY, *_draft("late"))
        pages.publish(ADA, _frame("next"))

        assert [await _take(page), await _take(page)] == ["end", "next"]
        assert not page.is_waiting
    assert not pages.has_draft(REPLY)


async def test_typing_ends_with_the_last_turn_also_after_an_error() -> None:
    pages = OpenPages()
    with pages.opened(ADA, wants_html=True) as page:
        try:
            with pages.typing(ADA, _frame("on"), _frame("off")):
                with pages.typing(ADA, _frame("on"), _frame("off")):
                    assert pages.is_typing(ADA)
                raise ValueError  # noqa: TRY301
        except ValueError:
            pass

        assert [await _take(page), await _take(page)] == ["on", "off"]
        assert not pages.is_typing(ADA)


async def test_nothing_is_kept_of_pages_that_closed() -> None:
    pages = OpenPages()
    with pages.opened(ADA, wants_html=True), pages.watched(ADA):
        assert pages.count == pages.count_of(ADA) == 1

    assert pages.count == pages.count_of(ADA) == 0
    assert str(vars(pages)) == str(vars(OpenPages()))


def test_the_user_is_not_the_secret() -> None:
    token = new_token()
    visitor = visitor_of(token)

    assert visitor is not None
    assert visitor == visitor_of(token)
    assert visitor.user not in token
    assert token not in visitor.user


def test_only_drawn_secrets_make_a_visitor() -> None:
    assert [visitor_of(token) for token in (None, "", "x", "x" * 44, "x" * 42 + "é")] == [None] * 5
