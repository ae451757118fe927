"""What is said in recordings: written down once, within limits, whatever goes wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.artifacts import (
    Artifact,
    Attachment,
    Heard,
    NotHeard,
    Transcript,
    transcript_key,
)
from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId, PersonId, RunId, TurnId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.domain.turns import Turn, TurnRef
from gateway.errors import Refused, RetryLater, StoreUnavailable
from gateway.transcripts import MOST, MOST_ATTEMPTS, ListeningLimits, Transcripts
from storage.artifacts.limits import Limits
from storage.artifacts.memory import MemoryArtifacts
from tests.fakes.ears import Ears
from tests.fakes.transcription_server import recording
from tests.fakes.virtual_time import EPOCH, LoopClock

KEY = "ada/discord/5/0-voice.ogg"
KEPT = "ada/discord/5/0.transcript.txt"
VOICE = Attachment("voice.ogg", "audio/ogg", 20, KEY)
PLACE = Conversation("discord", "dm", "99")


class House:
    """Recordings, and who listens to them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.artifacts = MemoryArtifacts(LoopClock(), limits)
        self.ears = Ears()
        self.transcripts = Transcripts(self.ears, self.artifacts, ListeningLimits(1_000, 60.0))

    async def hears(self, turn: Turn) -> Heard:
        """Return what is known of the first recording."""
        return (await self.transcripts.of(turn))[KEY]


@pytest.fixture
async def house() -> House:
    house = House()
    await house.artifacts.save(KEY, recording("buy milk"))
    return house


def turn(*files: Attachment, **changes: object) -> Turn:
    sender = Sender(Identity("discord", "discord", "42"), "Ada")
    said = InboundMessage("e1", PLACE, sender, "", EPOCH, attachments=files or (VOICE,))
    ref = TurnRef(TurnId("turn-1"), LaneId("lane"), 1)
    found = Turn(ref, PersonId("ada"), "postern", PLACE, (said,), 1, EPOCH)
    return replace(found, **changes)  # pyright: ignore[reportArgumentType] - each test's own


def test_the_words_stand_beside_the_recording() -> None:
    assert transcript_key(KEY) == KEPT
    assert transcript_key("p/slack/1-2/17-a-b.m4a") == "p/slack/1-2/17.transcript.txt"


async def test_a_recording_is_written_down_and_kept(house: House) -> None:
    assert await house.hears(turn()) == Transcript("buy milk", KEPT)

    kept = await house.artifacts.load(KEPT)
    assert kept is not None
    assert (kept.data, kept.artifact.media_type) == (b"buy milk", "text/plain")


async def test_a_repeat_pays_nothing(house: House) -> None:
    first = await house.hears(turn())

    again = await house.hears(turn(attempt=9, runs=(RunId("run-1"),)))

    assert again == first
    assert house.ears.heard == ["buy milk"]


async def test_two_agents_that_hear_the_same_words_share_a_transcript(house: House) -> None:
    house.ears.seconds = 1.0

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(house.hears(turn())) for _ in range(3)]

    assert {task.result() for task in tasks} == {Transcript("buy milk", KEPT)}
    assert house.ears.heard == ["buy milk"]


async def test_other_files_are_left_alone(house: House) -> None:
    assert await house.transcripts.of(turn(replace(VOICE, media_type="video/ogg"))) == {}
    assert house.ears.heard == []


async def test_no_turn_waits_longer_than_the_limit(house: House) -> None:
    house.ears.seconds = 45.0
    second = replace(VOICE, artifact="ada/discord/5/1-voice.ogg")
    await house.artifacts.save(second.artifact, recording("and tea"))
    began = asyncio.get_running_loop().time()

    heard = await house.transcripts.of(turn(VOICE, second))

    assert asyncio.get_running_loop().time() - began == 60.0
    assert list(heard.values()) == [Transcript("buy milk", KEPT), NotHeard("it took too long")]


async def test_words_that_came_in_time_are_kept_however_long_that_takes(house: House) -> None:
    class Slow(MemoryArtifacts):
        async def save(
            self,
            key: str,
            data: bytes,
            media_type: str | None = None,
            *,
            replaces: str | None = None,
        ) -> Artifact:
            await asyncio.sleep(30.0)
            return await super().save(key, data, media_type, replaces=replaces)

    house.ears.seconds = 45.0
    slow = Slow(LoopClock())
    await slow.save(KEY, recording("buy milk"))

    heard = await Transcripts(house.ears, slow, ListeningLimits()).of(turn())

    assert heard[KEY] == Transcript("buy milk", KEPT)
    assert await slow.load(KEPT) is not None


async def test_who_waits_for_anothers_transcript_waits_no_longer_either(house: House) -> None:
    house.ears.seconds = 3_600.0

    async with asyncio.timeout(61.0), asyncio.TaskGroup() as group:
        tasks = [group.create_task(house.hears(turn())) for _ in range(2)]

    assert {task.result() for task in tasks} == {NotHeard("it took too long")}


async def test_what_may_pass_is_tried_once_more(house: House) -> None:
    house.ears.failures.append(RetryLater("the service is away"))

    assert await house.hears(turn()) == Transcript("buy milk", KEPT)


async def test_what_does_not_pass_is_told(house: House) -> None:
    house.ears.failures.extend([RetryLater("the service is away")] * 2)

    assert await house.hears(turn()) == NotHeard("the service is away")
    assert await house.artifacts.load(KEPT) is None


async def test_what_is_refused_is_not_tried_again(house: House) -> None:
    house.ears.failures.append(Refused("it is no recording"))

    assert await house.hears(turn()) == NotHeard("it is no recording")
    assert house.ears.heard == []


async def test_a_later_attempt_tries_again_but_not_for_ever(house: House) -> None:
    house.ears.failures.append(Refused("not now"))
    await house.hears(turn())

    late = await house.hears(turn(attempt=MOST_ATTEMPTS + 1))
    in_time = await house.hears(turn(attempt=MOST_ATTEMPTS))

    assert late == NotHeard("that was tried too often")
    assert in_time == Transcript("buy milk", KEPT)


async def test_once_the_agent_was_told_nobody_is_asked_again(house: House) -> None:
    assert await house.hears(turn(runs=(RunId("run-1"),))) == NotHeard(
        "it could not be done when it came"
    )
    assert house.ears.heard == []


async def test_one_that_is_too_large_is_not_sent(house: House) -> None:
    assert await house.hears(turn(replace(VOICE, size_bytes=1_001))) == NotHeard(
        "it has 1,001 bytes, and 1,000 are the most"
    )
    assert house.ears.heard == []


async def test_one_that_is_gone_is_told(house: House) -> None:
    await house.artifacts.delete(KEY)

    assert await house.hears(turn()) == NotHeard("it is not kept any more")


async def test_of_many_the_first_are_heard(house: House) -> None:
    files = [replace(VOICE, artifact=f"ada/discord/5/{number}-a") for number in range(MOST + 1)]
    for file in files:
        await house.artifacts.save(file.artifact, recording("hello"))

    heard = await house.transcripts.of(turn(*files))

    assert [type(each) for each in heard.values()] == [Transcript] * MOST + [NotHeard]
    assert heard[files[-1].artifact] == NotHeard("it is one too many")


async def test_where_nothing_more_can_be_kept_the_words_are_heard_all_the_same() -> None:
    house = House(Limits(owner_files=1))
    await house.artifacts.save(KEY, recording("buy milk"))

    assert await house.hears(turn()) == Transcript("buy milk", KEPT)


async def test_files_that_can_not_be_read_just_now_are_no_reason_to_go_on_without(
    house: House,
) -> None:
    class Away(MemoryArtifacts):
        async def load(self, key: str, version: int | None = None) -> None:
            raise StoreUnavailable("The disk is away.")

    transcripts = Transcripts(house.ears, Away(LoopClock()), ListeningLimits())

    with pytest.raises(StoreUnavailable):
        await transcripts.of(turn())
