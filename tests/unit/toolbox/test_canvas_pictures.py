"""No platform loads what an agent names, but from hosts that the operator trusts."""

from __future__ import annotations

from gateway.domain.canvases import Canvas, Card, Gallery, Hero, Image, inside
from gateway.text.canvas import in_words
from tests.unit.toolbox.canvases import EVERY_KIND, ROME
from toolbox.canvas_pictures import with_links
from toolbox.canvas_reading import read_canvas

EVERY = read_canvas(EVERY_KIND)
SECRET = {"url": "https://evil.example/?she-said=no", "alt": "A [cat]"}


def test_pictures_of_other_hosts_are_links_with_the_same_words() -> None:
    canvas = with_links(EVERY, ())

    assert _addresses(canvas) == []
    assert sorted(in_words(canvas).split()) == sorted(in_words(EVERY).split())


def test_pictures_of_trusted_hosts_stay() -> None:
    assert with_links(EVERY, ["pictures.example"]) == EVERY


def test_a_picture_in_a_card_in_a_stack_is_found_and_its_neighbours_stay() -> None:
    inner = {"type": "image", **SECRET}
    card = {"type": "card", "title": "Cat", "image": SECRET, "children": [inner]}
    gallery = {"type": "gallery", "images": [SECRET, ROME]}
    written = [
        {"type": "stack", "children": [card, gallery, {"type": "gallery", "images": [SECRET]}]}
    ]

    canvas = with_links(read_canvas(written), ["pictures.example"])

    assert _addresses(canvas) == [ROME["url"]]
    assert in_words(canvas).count(SECRET["url"]) == 4
    assert all(each.images for each in inside(canvas.components) if isinstance(each, Gallery))


def test_a_trusted_name_inside_of_an_address_is_no_trusted_host() -> None:
    for url in ("https://evil.example/pictures.example", "https://pictures.example.evil.example/"):
        canvas = with_links(
            read_canvas([{"type": "image", "url": url, "alt": "x"}]), ["pictures.example"]
        )

        assert _addresses(canvas) == []


def _addresses(canvas: Canvas) -> list[str]:
    """Return what a platform would load."""
    found: list[Image] = []
    for each in inside(canvas.components):
        match each:
            case Image():
                found.append(each)
            case Gallery(images):
                found += images
            case Hero(image=Image() as image) | Card(image=Image() as image):
                found.append(image)
            case _:
                pass
    return [image.url for image in found]
