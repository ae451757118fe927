"""What deliveries carry beside their text is read as it was written, by older Posterns too."""

from __future__ import annotations

import json

from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button, ButtonStyle
from storage.delivery_extras import read_extras, read_gifts, write_extras
from tests.unit.toolbox.canvases import EVERY_KIND
from toolbox.canvas_reading import read_canvas

BUTTONS = (Button("Yes", "yes", ButtonStyle.GOOD), Button("No", "no"))
FILES = (Attachment("a.txt", "text/plain", 1, "ada/a.txt"),)


def test_all_of_it_is_read_as_it_was_written() -> None:
    canvas = read_canvas(EVERY_KIND, "overlay")

    read = read_extras(write_extras(BUTTONS, FILES, canvas))

    assert read == {"buttons": BUTTONS, "files": FILES, "canvas": canvas}


def test_the_usual_delivery_carries_nothing() -> None:
    assert write_extras((), ()) is None
    assert read_extras(None) == {"buttons": (), "files": (), "canvas": None}
    assert read_gifts(None) == {"buttons": (), "files": ()}


def test_a_canvas_of_a_newer_postern_is_left_to_its_words_and_its_buttons_stay() -> None:
    written = json.loads(write_extras(BUTTONS, (), read_canvas(EVERY_KIND)) or "")
    written["canvas"]["components"].append({"type": "hologram", "depth": 3})

    read = read_extras(json.dumps(written))

    assert read == {"buttons": BUTTONS, "files": (), "canvas": None}
