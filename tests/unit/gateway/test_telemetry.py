import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway.ports import StoreCounts
from gateway.telemetry import Metrics, Redactor, set_up_logging
from gateway.telemetry.logs import WithoutSecrets
from gateway.telemetry.redaction import HIDDEN

SECRETS = [
    # (text, the part that must not be seen)
    ("Slack said no to xoxb-1111111111-2222222222-abcDEFghiJKLmno", "abcDEFghiJKLmno"),
    ("xoxe.xoxp-1-Mi0yLTM0NTY3ODkwMTIzNDU2Nzg5MA", "Mi0yLTM0NTY3"),
    ("app token xapp-1-A0123-4567-89abcdef0123456789abcdef", "89abcdef"),
    ("POST https://hooks.slack.com/services/T00/B00/XXXXyyyyZZZZ", "XXXXyyyyZZZZ"),
    ("login MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs bad", "ZnCjm1XVW7"),
    ("Authorization: Bot MTk4NjIyNDgzNDcxOTI1MjQ4.x.y", "MTk4NjIyNDgz"),
    ("Authorization: Bearer abcdef0123456789abcdef", "abcdef0123456789"),
    ("{'authorization': 'Basic dXNlcjpwYXNzd29yZA=='}", "dXNlcjpwYXNz"),
    ("key sk-let-MDAwMDAwMDAtMDAwMC0wMDAw", "MDAwMDAwMDAt"),
    ("key sk-proj-abcdefghijklmnop", "abcdefghijkl"),
    ("postgresql://postern:hunter2@db.example/postern", "hunter2"),
    ("redis://:hunter22@cache.example:6379/0", "hunter22"),
    ("postgresql://me:p@ssw0rd@db.example/x", "ssw0rd"),
    ("PATCH /webhooks/123456789/aW50ZXJhY3Rpb246MTIzNDU2/messages/@original", "aW50ZXJhY3"),
    ("POST /interactions/987654321/aW50ZXJhY3Rpb246MTIzNDU2/callback", "aW50ZXJhY3"),
    ("wss://wss-primary.slack.com/link/?ticket=12345678-1234&app_id=A1", "12345678-1234"),
    ('{"client_secret": "s3cr3t-value"}', "s3cr3t-value"),
    ("{'api_key': 's3cr3t-value'}", "s3cr3t-value"),
    ("access_token=s3cr3tvalue&expires=1", "s3cr3tvalue"),
    ("password: correcthorse", "correcthorse"),
    ("cookie eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ cut off", "MIIEvQ"),
]

ORDINARY = [
    "turn_ended",
    "discord:dm:123456789012345678",
    "slack:T012AB3CD:C345EF6GH:1712345678.123459",
    "agent-4f8a7a0e-6f0d-4b0a-9a55-0f8f5b0c1d2e",
    "person-00112233445566778899aabbccddeeff/postern",
    "turn-1234.0",
    "postgresql://db.example:5432/postern",
    "http://127.0.0.1:8080/ready",
    "3f0c2e4b9d8a7f6e5d4c3b2a19080706f5e4d3c2b1a09f8e7d6c5b4a39281706",
    "The task-force asked for a basic understanding of the matter.",
    "input_tokens=123456 output_tokens=98",
    "/webhooks/github",
    "gateway.adapters.discord.connection_of_one_guild.events_that_arrived_late",
]


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield logging.getLogger("gateway.test")
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    redacted = Redactor().redact(text)

    assert secret not in redacted
    assert HIDDEN in redacted


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_and_ids_stay_as_they_are(text: str) -> None:
    assert Redactor().redact(text) == text


def test_what_stands_before_a_secret_stays_readable() -> None:
    assert Redactor().redact("a=1&token=s3cr3tvalue&b=2") == f"a=1&token={HIDDEN}&b=2"


def test_a_secret_of_the_settings_is_hidden_wherever_it_stands() -> None:
    redactor = Redactor(["plain words", "plain words and more"])

    assert redactor.redact("<plain words and more>") == f"<{HIDDEN}>"
    assert redactor.redact("<plain words>") == f"<{HIDDEN}>"


def test_a_secret_too_short_to_be_one_takes_no_words_out() -> None:
    assert Redactor(["", "on"]).redact("connection") == "connection"


def test_redacting_twice_changes_nothing_more() -> None:
    for text, _ in SECRETS:
        once = Redactor().redact(text)
        assert Redactor().redact(once) == once


def test_a_log_line_is_json_with_event_and_ids(log: logging.Logger) -> None:
    out = io.StringIO()
    set_up_logging(stream=out)

    log.info("delivery_sent", extra={"delivery": "turn-1.0", "attempt": 2})

    [line] = lines_of(out)
    assert line["event"] == "delivery_sent"
    assert line["level"] == "info"
    assert line["logger"] == "gateway.test"
    assert (line["delivery"], line["attempt"]) == ("turn-1.0", 2)
    assert str(line["at"]).endswith("+00:00")


def test_a_line_for_eyes_says_the_same(log: logging.Logger) -> None:
    out = io.StringIO()
    set_up_logging(stream=out, is_json=False)

    log.warning("delivery_settled", extra={"delivery": "turn-1.0"})

    assert "warning delivery_settled delivery=turn-1.0\n" in out.getvalue()


@pytest.mark.parametrize("is_json", [True, False])
def test_no_part_of_a_log_record_shows_a_secret(log: logging.Logger, *, is_json: bool) -> None:
    out = io.StringIO()
    set_up_logging(secrets=["swordfish"], stream=out, is_json=is_json)

    try:
        int("swordfish")
    except ValueError:
        log.exception(
            "swordfish %s", "swordfish", extra={"error": ValueError("swordfish")}, stack_info=True
        )

    assert "swordfish" not in out.getvalue()
    assert "Traceback" in out.getvalue()
    assert out.getvalue().count(HIDDEN) >= 4


def test_arguments_that_do_not_fit_end_no_program() -> None:
    record = logging.makeLogRecord({"msg": "%d of %d", "args": ("one",)})

    WithoutSecrets(Redactor()).filter(record)

    assert "one" in record.getMessage()


def test_setting_up_twice_writes_each_line_once(log: logging.Logger) -> None:
    out = io.StringIO()
    set_up_logging(stream=io.StringIO())
    set_up_logging(stream=out)

    log.info("once")

    assert len(lines_of(out)) == 1


def test_talkative_libraries_are_heard_only_when_something_is_wrong(log: logging.Logger) -> None:
    out = io.StringIO()
    set_up_logging(stream=out)

    logging.getLogger("httpx").info("HTTP Request: GET …")
    logging.getLogger("httpx").warning("trouble")

    assert [line["event"] for line in lines_of(out)] == ["trouble"]


def test_metrics_are_rendered_under_their_names() -> None:
    metrics = Metrics()

    metrics.messages.labels(platform="slack", outcome="accepted").inc()
    metrics.turn_seconds.observe(0.2)
    metrics.show_counts(
        StoreCounts(
            lanes_ready=3,
            turns_running=2,
            deliveries_open=1,
            turns_failed=0,
            deliveries_failed=4,
            messages_waiting=7,
        )
    )

    page = metrics.render().decode()
    assert 'postern_messages_total{outcome="accepted",platform="slack"} 1.0' in page
    assert "postern_turn_seconds_count 1.0" in page
    assert "postern_lanes_ready 3.0" in page
    assert "postern_messages_waiting 7.0" in page
    assert "postern_deliveries_failed 4.0" in page


def test_two_gateways_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()

    first.turns.labels(outcome="done").inc()

    assert "postern_turns_total{" not in second.render().decode()
