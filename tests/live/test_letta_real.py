"""Letta's ordinary SDK usage against a real Letta server, as against our own."""

import os
from collections.abc import Callable, Generator

import pytest
from letta_client import Letta

from tests.contracts.letta_api.examples import EXAMPLES, Place

pytestmark = [pytest.mark.letta_real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def place() -> Generator[Place]:
    """The server of the environment, whose model understands `call NAME {json}`."""
    url, key = os.environ["POSTERN_TEST_LETTA_URL"], os.environ.get("POSTERN_TEST_LETTA_KEY")
    model = os.environ.get("POSTERN_TEST_LETTA_MODEL")
    embedding = os.environ.get("POSTERN_TEST_LETTA_EMBEDDING")
    with Letta(base_url=url, api_key=key or "none", max_retries=0) as client:
        yield Place(client, model, embedding)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_the_sdk_example_holds(place: Place, example: Callable[[Place], None]) -> None:
    example(place)
