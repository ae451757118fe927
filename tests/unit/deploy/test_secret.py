"""The secret: what it needs, and what it makes of a deployment."""

from __future__ import annotations

import pytest

from deploy.keeper import postgres_url
from deploy.scale import WORKER_MAX, WORKER_MIN, sleeps, workers
from deploy.secret import REQUIRED_KEYS, check_workers, deployed_settings, worker_environ
from gateway.errors import SettingsWrong

GIVEN: dict[str, str] = dict.fromkeys(REQUIRED_KEYS, "a-long-random-text")
URL = "postgresql://postern@db.example/postern"


@pytest.mark.parametrize("missing", REQUIRED_KEYS)
def test_a_missing_key_is_named_in_one_line(missing: str) -> None:
    with pytest.raises(SettingsWrong) as raised:
        deployed_settings({**GIVEN, missing: " "})

    assert f"has no {missing}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_deployment_is_reached_by_others_and_pairs_strangers() -> None:
    settings = deployed_settings({**GIVEN, "MODAL_TASK_ID": "ta-1"})

    assert not settings.http.is_local
    assert settings.access.web.value == "pairing"


def test_the_listener_holds_discords_connection_and_the_worker_does_not() -> None:
    given = {**GIVEN, "DISCORD_TOKEN": "t"}

    assert deployed_settings(given).discord.connects
    assert not deployed_settings(worker_environ(given)).discord.connects


def test_the_database_url_decides_the_mode() -> None:
    assert postgres_url({}) is None
    assert postgres_url({"DATABASE_URL": "sqlite:///x.db"}) is None
    assert postgres_url({"DATABASE_URL": URL}) == URL
    assert postgres_url({"DATABASE_URL": "sqlite:///x", "POSTERN_DATABASE_URL": URL}) == URL
    assert deployed_settings({**GIVEN, "DATABASE_URL": URL}).sqlite_path is None


def test_a_sqlite_file_has_one_worker_and_a_postgres_as_many_as_wanted() -> None:
    many = {WORKER_MIN: "0", WORKER_MAX: "8"}

    assert (workers({}), workers(many), workers({WORKER_MIN: "3"})) == ((1, 1), (0, 8), (3, 3))
    assert (sleeps({}), sleeps(many)) == (False, True)
    check_workers(deployed_settings(GIVEN), {})
    check_workers(deployed_settings({**GIVEN, "DATABASE_URL": URL}), many)
    with pytest.raises(SettingsWrong, match="exactly one"):
        check_workers(deployed_settings(GIVEN), many)
