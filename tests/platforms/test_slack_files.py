"""Files: taken in by the app's token and within limits, sent out once, named where they are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from adapters.slack.handles import Handle
from gateway.domain.artifacts import Attachment
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, Delivery, DeliveryState, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.people import Identity, person_id_of
from gateway.rights.policy import AccessMode
from tests.platforms.slack_hub import CrashAt, SlackHub, Ways, dead_hub, slack_hub
from tests.platforms.slack_server import Channel, Person

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
REPORT = b"a,b\n1,2\n"


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


def heard(hub: SlackHub) -> str:
    return "\n".join(text for texts in hub.agents.heard for text in texts)


# -- in ------------------------------------------------------------------------------------------


async def test_a_file_is_kept_with_its_message_and_named_to_the_agent(
    hub: SlackHub, ada: Person
) -> None:
    ada.shares_file(ada.dm_channel, "cat.png", PICTURE, text="look", mimetype="image/png")
    await hub.slack.until(lambda: len(ada.sees()) == 2)

    (kept,) = await hub.artifacts.list(await owner_of(hub, ada))
    contents = await hub.artifacts.load(kept.key)
    assert contents is not None
    assert contents.data == PICTURE
    assert kept.media_type == "image/png"
    assert "look" in heard(hub)
    assert "cat.png" in heard(hub)


async def owner_of(hub: SlackHub, person: Person) -> str:
    return person_id_of(Identity("slack", person.workspace.id, person.id))


async def test_a_file_without_words_is_a_message(hub: SlackHub, ada: Person) -> None:
    ada.shares_file(ada.dm_channel, "r.csv", REPORT, mimetype="text/csv")

    await hub.slack.until(lambda: len(ada.sees()) == 2)

    assert "r.csv" in heard(hub)


async def test_the_sign_in_page_is_not_the_file(hub: SlackHub, ada: Person) -> None:
    hub.slack.world.installations.tokens[hub.slack.bot_token()].scopes = frozenset(
        hub.slack.settings.scopes - {"files:read"}
    )

    ada.shares_file(ada.dm_channel, "cat.png", PICTURE, text="look", mimetype="image/png")
    await hub.slack.until(lambda: any("could not take in" in text for text in ada.sees()))
    await hub.slack.until(lambda: heard(hub))

    assert await hub.artifacts.list(await owner_of(hub, ada)) == []
    assert "[file not taken in – cat.png: Slack does not show it to the app" in heard(hub)


async def test_a_page_that_was_shared_is_taken_in(hub: SlackHub, ada: Person) -> None:
    page = b"<!DOCTYPE html><p>hello</p>"

    ada.shares_file(ada.dm_channel, "p.html", page, mimetype="text/html")
    await hub.slack.until(lambda: len(ada.sees()) == 2)

    (kept,) = await hub.artifacts.list(await owner_of(hub, ada))
    assert kept.size_bytes == len(page)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"attachment_bytes": 100}, "100 are the most"),
        ({"attachment_types": ("text/*",)}, "type image/png"),
    ],
    ids=["size", "type"],
)
async def test_what_is_not_taken_in_is_told_to_agent_and_person(
    options: dict[str, object], reason: str
) -> None:
    async with slack_hub(ways=Ways().but(**options)) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")
        general = hub.slack.channel("general")
        root = ada.mentions(general, "hello")
        await hub.slack.until(lambda: len(ada.sees(general, root.ts)) == 2)

        ada.shares_file(
            general, "cat.png", PICTURE, text="look", mimetype="image/png", thread_ts=root.ts
        )
        await hub.slack.until(lambda: len(ada.sees(general, root.ts)) == 5)

        told = [text for text in ada.sees(general, root.ts) if "could not take in" in text]
        assert reason in heard(hub)
        assert len(told) == 1
        assert reason in told[0]
        assert told[0] not in bob.sees(general, root.ts)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (
            {"url_private_download": "https://slack.com.evil.example/x"},
            "not at an address of Slack",
        ),
        ({"url_private_download": "https://evil.example/slack.com"}, "not at an address of Slack"),
        ({"url_private_download": "http://files.slack.com/x"}, "not at an address of Slack"),
        ({"url_private_download": "https://[files.slack.com/x"}, "not at an address of Slack"),
        ({"url_private": "https://docs.example/x", "mode": "external"}, "outside of Slack"),
        ({"id": "F404", "file_access": "check_file_info"}, "does not say where it is"),
        ({}, "does not say where it is"),
    ],
)
async def test_our_token_goes_to_slack_alone(
    hub: SlackHub, ada: Person, file: dict[str, str], reason: str
) -> None:
    place = ada.dm_channel
    ts = ada.workspace.new_ts(hub.slack.world.now())
    message = {"type": "message", "subtype": "file_share", "user": ada.id, "text": "see", "ts": ts}
    shared = {"name": "x.txt", "mimetype": "text/plain", "size": 1, **file}
    where = {"channel": place.id, "channel_type": "im", "event_ts": ts}

    hub.slack.world.publish(ada.workspace, {**message, **where, "files": [shared]})

    await hub.slack.until(lambda: reason in heard(hub))


async def test_a_slow_file_is_asked_for_again_and_stored_once() -> None:
    ways = Ways().but(file_wait_seconds=0.05)
    async with slack_hub(ways=ways) as hub:
        hub.slack.settings.retry_delays_seconds = (1.0, 5.0, 30.0)
        ada = hub.slack.person("ada")
        hub.slack.faults.delay("files.download", 0.3)

        ada.shares_file(ada.dm_channel, "r.csv", REPORT, text="slow", mimetype="text/csv")
        await hub.slack.until(lambda: len(ada.sees()) == 2)
        await hub.slack.until_delivered()

        tries = [a for a in hub.slack.attempts if a.event_type == "message"]
        assert not tries[0].is_accepted
        assert len(hub.agents.heard) == 1
        assert len(await hub.artifacts.list(await owner_of(hub, ada))) == 1


@pytest.mark.parametrize("ways", [Ways(), Ways(is_http=False, is_socket=True)], ids=["http", "ws"])
async def test_a_file_that_never_comes_is_left_out_at_the_last_try(ways: Ways) -> None:
    async with slack_hub(ways=ways.but(file_wait_seconds=0.05)) as hub:
        hub.slack.settings.ack_timeout_seconds = 0.3
        hub.slack.settings.retry_delays_seconds = (0.0, 0.0, 0.0)
        ada = hub.slack.person("ada")
        hub.slack.faults.delay("files.download", 3600)

        ada.shares_file(ada.dm_channel, "r.csv", REPORT, text="stuck", mimetype="text/csv")

        await hub.slack.until(lambda: "did not come in time" in heard(hub))


async def test_what_is_written_after_a_file_is_heard_after_it(hub: SlackHub, ada: Person) -> None:
    hub.slack.faults.delay("files.download", 0.3)

    ada.shares_file(ada.dm_channel, "r.csv", REPORT, text="first", mimetype="text/csv")
    ada.dm("second")
    await hub.slack.until(lambda: "second" in heard(hub))

    assert heard(hub).index("first") < heard(hub).index("second")


async def test_files_of_a_stranger_are_not_fetched() -> None:
    async with slack_hub(ways=Ways(access=AccessMode.PAIRING)) as hub:
        ada = hub.slack.person("ada")

        ada.shares_file(ada.dm_channel, "r.csv", REPORT, text="hello")
        await hub.slack.until(lambda: "pairing code" in ada.sees()[-1])

        assert hub.slack.calls("files.info") == []
        assert await hub.artifacts.list(await owner_of(hub, ada)) == []


async def test_files_of_talk_that_is_not_for_the_app_are_not_fetched(
    hub: SlackHub, ada: Person
) -> None:
    general = hub.slack.channel("general")
    root = ada.says(general, "among us")

    ada.shares_file(general, "r.csv", REPORT, text="for bob", thread_ts=root.ts)
    await hub.slack.until_delivered()

    assert await hub.artifacts.list(await owner_of(hub, ada)) == []


# -- out -----------------------------------------------------------------------------------------


async def sends(
    hub: SlackHub, place: Channel, *names: str, text: str = "here it is", **more: object
) -> Delivery:
    """Post files that the store has, but for those called gone."""
    files: list[Attachment] = []
    for name in names:
        key = f"agent-1/{name}"
        if name != "gone.csv":
            await hub.artifacts.save(key, REPORT, "text/csv")
        files.append(Attachment(name, "text/csv", len(REPORT), key))
    conversation = Conversation("slack", hub.slack.workspace().id, place.id)
    buttons = (Button("Yes", "yes"),) if more.get("asks") else ()
    post = NewDelivery(
        DeliveryId("post-1"), conversation, text, files=tuple(files), buttons=buttons
    )
    await hub.hub.store.deliveries.enqueue([post], hub.hub.clock.now())
    return await hub.settled("post-1")


def files_in(hub: SlackHub, place: Channel) -> list[bytes | None]:
    workspace = hub.slack.workspace()
    shown = [m for m in place.messages.values() if m.is_by_app and not m.is_deleted]
    return [workspace.files[file].data for message in shown for file in message.files]


async def test_files_go_out_as_one_message_with_the_words(hub: SlackHub, ada: Person) -> None:
    sent = await sends(hub, ada.dm_channel, "a.csv", "b.csv", text="**two** of them")

    assert sent.state is DeliveryState.SENT
    assert ada.sees() == ["*two* of them"]
    assert files_in(hub, ada.dm_channel) == [REPORT, REPORT]
    assert sent.receipt in ada.dm_channel.messages
    titles = [hub.slack.workspace().files[f].title for f in _files_of(hub, ada.dm_channel)]
    assert titles == ["a.csv", "b.csv"]


def _files_of(hub: SlackHub, place: Channel) -> list[str]:
    return [file for message in place.messages.values() for file in message.files]


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "files.upload"])
async def test_a_fault_before_anything_shows_is_tried_again(
    hub: SlackHub, ada: Person, step: str
) -> None:
    hub.slack.faults.cut_before(step)
    hub.slack.faults.lose_reply(step, skip=1)

    await sends(hub, ada.dm_channel, "a.csv")

    assert ada.sees() == ["here it is"]
    assert files_in(hub, ada.dm_channel) == [REPORT]


async def test_a_lost_reply_doubles_no_file(hub: SlackHub, ada: Person) -> None:
    hub.slack.faults.lose_reply("files.completeUploadExternal")

    sent = await sends(hub, ada.dm_channel, "a.csv")

    assert ada.sees() == ["here it is"]
    assert files_in(hub, ada.dm_channel) == [REPORT]
    assert sent.receipt in ada.dm_channel.messages


async def test_a_crash_after_sharing_doubles_no_file() -> None:
    async with dead_hub() as hub:
        hub.slack.settings.history_lag_seconds = 0.2
        ada = hub.slack.person("ada")
        crash = CrashAt("after platform.send", 1)
        async with asyncio.TaskGroup() as group:
            group.create_task(hub.hub.until_crash(crash))
            await hub.is_connected()
            sending = group.create_task(sends(hub, ada.dm_channel, "a.csv"))
            await crash.crashed.wait()
            sending.cancel()

        async with hub.living():
            sent = await hub.settled("post-1")

        assert files_in(hub, ada.dm_channel) == [REPORT]
        assert sent.receipt in ada.dm_channel.messages


async def test_a_file_that_is_gone_is_said_and_the_rest_is_sent(hub: SlackHub, ada: Person) -> None:
    await sends(hub, ada.dm_channel, "gone.csv", "a.csv")

    assert "(file not sent – gone.csv: it is no longer kept.)" in ada.sees()[0]
    assert files_in(hub, ada.dm_channel) == [REPORT]


async def test_without_any_file_left_the_words_are_sent(hub: SlackHub, ada: Person) -> None:
    await sends(hub, ada.dm_channel, "gone.csv")

    assert ada.sees()[0].startswith("here it is")
    assert "no longer kept" in ada.sees()[0]


async def test_buttons_beside_files_are_words(hub: SlackHub, ada: Person) -> None:
    await sends(hub, ada.dm_channel, "a.csv", asks=True)

    assert "`yes` (Yes)" in ada.sees()[0]


async def test_an_edit_leaves_the_files_as_they_are(hub: SlackHub, ada: Person) -> None:
    await sends(hub, ada.dm_channel, "a.csv")

    now = hub.hub.clock.now()
    await hub.hub.store.deliveries.revise(DeliveryId("post-1"), "new words", (), now)
    await hub.is_quiet()

    assert ada.sees() == ["new words"]
    assert files_in(hub, ada.dm_channel) == [REPORT]


async def test_files_for_one_person_go_to_their_direct_messages(hub: SlackHub, ada: Person) -> None:
    general = hub.slack.channel("general")
    await hub.artifacts.save("agent-1/a.csv", REPORT, "text/csv")
    url = hub.slack.interactions.new_response_url(ada.workspace, general, ada.user)
    post = NewDelivery(
        DeliveryId("post-1"),
        Conversation("slack", ada.workspace.id, general.id),
        "only for you",
        handle=Handle(url, ada.id, hub.hub.clock.now() + timedelta(minutes=5)).to_text(),
        is_private=True,
        files=(Attachment("a.csv", "text/csv", len(REPORT), "agent-1/a.csv"),),
    )
    hub.slack.faults.lose_reply("files.completeUploadExternal")

    await hub.hub.store.deliveries.enqueue([post], hub.hub.clock.now())
    await hub.settled("post-1")

    assert hub.slack.visible(general) == []
    assert ada.sees() == ["only for you"]
    assert files_in(hub, ada.dm_channel) == [REPORT]
