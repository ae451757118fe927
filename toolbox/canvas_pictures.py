"""Which pictures of a canvas a platform may load by itself; all others become links. Pure.

Whoever loads a picture tells its host the whole address, and an agent that was misled may have
written into it what it knows of its person. A link tells nothing until somebody follows it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from urllib.parse import urlsplit

from gateway.domain.canvases import (
    Canvas,
    Card,
    Component,
    Gallery,
    Hero,
    Holder,
    Image,
    Text,
)
from gateway.text.canvas import link_to


def with_links(canvas: Canvas, hosts: Collection[str]) -> Canvas:
    """Return the canvas with a link for each picture that is on none of these hosts."""
    return replace(canvas, components=_all(canvas.components, hosts))


def _all(components: tuple[Component, ...], hosts: Collection[str]) -> tuple[Component, ...]:
    return tuple(part for each in components for part in _parts(each, hosts))


def _parts(component: Component, hosts: Collection[str]) -> tuple[Component, ...]:
    match component:
        case Image() if not _is_on(component, hosts):
            return (_link(component),)
        case Gallery(images):
            shown = tuple(image for image in images if _is_on(image, hosts))
            links = tuple(_link(image) for image in images if image not in shown)
            return (*((Gallery(shown),) if shown else ()), *links)
        case Hero(image=Image() as image) if not _is_on(image, hosts):
            return replace(component, image=None), _link(image)
        case Card(image=Image() as image) if not _is_on(image, hosts):
            held = (_link(image), *_all(component.children, hosts))
            return (replace(component, image=None, children=held),)
        case _ if isinstance(component, Holder):
            return (replace(component, children=_all(component.children, hosts)),)
        case _:
            return (component,)


def _link(image: Image) -> Text:
    return Text(link_to(image))


def _is_on(image: Image, hosts: Collection[str]) -> bool:
    return (urlsplit(image.url).hostname or "") in hosts
