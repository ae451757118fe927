"""A recording reaches the agent as words, once, and is its sender's like all that they sent."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace

import pytest

from gateway.budgets import BudgetPolicy, Limits
from gateway.domain.artifacts import Attachment, attachment_key, transcript_key
from gateway.domain.messages import InboundMessage
from gateway.domain.people import person_id_of
from gateway.errors import RetryLater
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.ears import Ears
from tests.fakes.hub import FakeHub, FakePerson, HubOptions
from tests.fakes.transcription_server import recording
from tests.fakes.virtual_time import LoopClock

SAID = "what is said in it, written down by a machine that may have misheard: "
PAID_AND_GONE = {"after ears.transcribe", "before artifacts.save"}
"""Where a process can die with words in hand that nobody has kept."""


class House:
    """A hub that has ears, and a place for files."""

    def __init__(self, *, budgets: BudgetPolicy | None = None, has_ears: bool = True) -> None:
        self.artifacts, self.ears = MemoryArtifacts(LoopClock()), Ears()
        options = HubOptions(
            artifacts=self.artifacts,
            ears=self.ears if has_ears else None,
            budgets=budgets or BudgetPolicy(),
        )
        self.hub = FakeHub(MemoryStore(), options=options)
        self.ada, self.bob = self.hub.person("ada"), self.hub.person("bob")

    async def voice(self, person: FakePerson, words: str) -> InboundMessage:
        """Return a message with a recording, as a platform brings it."""
        message = self.hub.message(person, "[file: voice-message.ogg]")
        key = attachment_key(person.identity, message.event_id, 0, "voice-message.ogg")
        saved = await self.artifacts.save(key, recording(words), "audio/ogg")
        file = Attachment("voice-message.ogg", "audio/ogg", saved.size_bytes, key)
        return replace(message, attachments=(file,))

    async def speaks(self, person: FakePerson, words: str) -> InboundMessage:
        """Send a recording, and read the answer to it."""
        message, seen = await self.voice(person, words), len(person.sees)
        await self.hub.inbox.receive(message)
        await person.reads(seen + 1)
        return message

    @property
    def heard(self) -> list[str]:
        """What agents were told, one text for each message."""
        return [text for texts in self.hub.agents.heard for text in texts]


async def test_what_somebody_says_aloud_reaches_their_agent_as_words() -> None:
    house = House()
    async with house.hub.running():
        await house.speaks(house.ada, "buy milk")

    assert f"; {SAID}buy milk]\n" in house.heard[0]


async def test_without_ears_the_agent_is_told_that_it_can_not_hear() -> None:
    house = House(has_ears=False)
    async with house.hub.running():
        await house.speaks(house.ada, "buy milk")

    assert "nobody has written down what is said in it: say so]" in house.heard[0]
    assert house.ears.heard == []


async def test_a_service_that_is_away_holds_no_message_up() -> None:
    house = House()
    house.ears.failures.extend([RetryLater("the service is away")] * 2)
    async with house.hub.running():
        await house.speaks(house.ada, "buy milk")

    assert "could not be written down, because the service is away: say so]" in house.heard[0]


async def test_a_service_that_never_answers_holds_its_lane_up_for_a_minute_and_no_other() -> None:
    house = House()
    house.ears.seconds = 3_600.0
    loop = asyncio.get_running_loop()
    async with house.hub.running():
        began = loop.time()
        await house.hub.inbox.receive(await house.voice(house.ada, "buy milk"))
        assert await house.bob.whispers("hello")
        assert loop.time() - began < 5.0
        await house.ada.reads(1)

        assert 60.0 <= loop.time() - began < 65.0
    assert "because it took too long: say so]" in house.heard[-1]


async def test_a_crash_at_any_moment_loses_no_word_and_pays_once() -> None:
    moments = await _moments()
    assert {"before ears.transcribe", "after artifacts.save", *PAID_AND_GONE} <= set(moments)

    for at in range(1, len(moments) + 1):
        house, points = House(), CrashPoints(at)
        message = await house.voice(house.ada, "buy milk")
        await house.hub.inbox.receive(message)
        async with asyncio.timeout(600):
            await house.hub.until_crash(points)
            async with house.hub.running():
                await house.ada.reads(1)

        died = f"died at {at}: {points.passed[-1]}"
        assert [f"{SAID}buy milk]" in text for text in house.heard] == [True], died
        times = 2 if points.passed[-1] in PAID_AND_GONE else 1
        assert house.ears.heard == ["buy milk"] * times, died


async def _moments() -> list[str]:
    """Return the moments of a turn that hears a recording, in order."""
    house, points = House(), CrashPoints()
    await house.hub.inbox.receive(await house.voice(house.ada, "buy milk"))
    house.hub.record(points)
    async with house.hub.running():
        await house.ada.reads(1)
        return list(points.passed)


async def test_an_agent_that_is_away_for_long_hears_the_words_that_were_kept() -> None:
    house = House()
    house.hub.agents.refusals = 20
    async with house.hub.running(), asyncio.timeout(36_000):
        await house.hub.inbox.receive(await house.voice(house.ada, "buy milk"))
        await house.hub.platform.until(lambda: bool(house.heard))

    assert f"{SAID}buy milk]" in house.heard[0]
    assert house.ears.heard == ["buy milk"]


async def test_a_question_that_is_asked_again_is_not_paid_again() -> None:
    house = House()
    async with house.hub.running():
        await house.speaks(house.ada, "what is two and two")
        assert (await house.ada.whispers("/retry")).startswith("**Again:**")

    assert all(f"{SAID}what is two and two]" in text for text in house.heard)
    assert house.ears.heard == ["what is two and two"]


async def test_what_could_not_be_heard_is_listened_to_when_it_is_asked_again() -> None:
    house = House()
    house.ears.failures.extend([RetryLater("the service is away")] * 2)
    async with house.hub.running():
        await house.speaks(house.ada, "buy milk")
        await house.ada.whispers("/retry")

    assert "the service is away" in house.heard[0]
    assert f"{SAID}buy milk]" in house.heard[1]


async def test_who_has_used_up_their_budget_is_listened_to_by_nobody() -> None:
    house = House(budgets=BudgetPolicy(person=Limits(turns=1)))
    async with house.hub.running():
        await house.speaks(house.ada, "one")
        await house.ada.reads(2)  # an answer, and that nothing is left
        await house.speaks(house.ada, "two")

    assert "used up" in house.ada.sees[-1]
    assert house.ears.heard == ["one"]


async def test_words_are_for_the_agent_of_their_speaker_alone() -> None:
    house = House()
    async with house.hub.running():
        said = await house.speaks(house.ada, "my secret")
        await house.speaks(house.bob, "hello")

    assert ["my secret" in text for text in house.heard] == [True, False]
    key = transcript_key(said.attachments[0].artifact)
    assert key.startswith(f"{person_id_of(house.ada.identity)}/")
    kept = await house.artifacts.list(person_id_of(house.bob.identity))
    assert [b"my secret" in (await _data(house, each.key)) for each in kept] == [False, False]


async def test_who_takes_all_that_is_theirs_gets_their_words_too() -> None:
    house = House()
    async with house.hub.running():
        said = await house.speaks(house.ada, "buy milk")
        await house.ada.whispers("/export")

    exports = await house.artifacts.list(f"export-{person_id_of(house.ada.identity)}")
    with zipfile.ZipFile(io.BytesIO(await _data(house, exports[0].key))) as archive:
        words = archive.read(f"files/{transcript_key(said.attachments[0].artifact)}")
    assert words == b"buy milk"


async def test_who_is_forgotten_leaves_no_word_behind() -> None:
    house = House()
    async with house.hub.running():
        await house.speaks(house.ada, "buy milk")
        await house.speaks(house.bob, "hello")

        assert "Forgotten" in await house.ada.whispers("/forget everything")

    assert await house.artifacts.list(person_id_of(house.ada.identity)) == []
    assert len(await house.artifacts.list(person_id_of(house.bob.identity))) == 2


async def _data(house: House, key: str) -> bytes:
    contents = await house.artifacts.load(key)
    assert contents is not None
    return contents.data


@pytest.mark.parametrize("words", ["", "  \n "])
async def test_a_recording_without_words_is_no_failure(words: str) -> None:
    house = House()
    async with house.hub.running():
        await house.speaks(house.ada, words)

    assert "heard no words in it]" in house.heard[0]
