"""A canvas → HTML that is safe to put into a page, and works without a script of its own. Pure.

Every text is escaped, or Markdown that `safe_html` renders; no address but that of a link comes
out of it. `static/canvas.js` says what is pressed and sent off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import assert_never

from adapters.web.markdown import safe_html
from gateway.domain import canvases
from gateway.domain.canvases import Canvas, Component, Holder, Image, Leaf, inside
from gateway.domain.deliveries import Button
from gateway.text.canvas import SIGNS, press_of, said_before


def canvas_html(canvas: Canvas) -> str:
    """Render the canvas as one element.

    What stands above the conversation is opened by its person, and never by itself.
    """
    inner = _all(canvas.components)
    if canvas.mode == "inline":
        return f'<section class="canvas">{inner}</section>'
    title = escape(_title(canvas))
    close = '<button type="button" class="closes">Close</button>'
    dialog = f'<dialog class="{canvas.mode}" data-title="{title}" aria-label="{title}">'
    opens = f'<button type="button" class="opens" aria-haspopup="dialog">Open “{title}”</button>'
    return f'<section class="canvas">{opens}{dialog}{close}{inner}</dialog></section>'


def _title(canvas: Canvas) -> str:
    """Return what the canvas is called on the button that opens it."""
    titles = (getattr(each, "title", "") for each in inside(canvas.components))
    return next((title for title in titles if title), "Canvas")


def _all(components: Iterable[Component]) -> str:
    return "".join(map(_one, components))


def _one(component: Component) -> str:
    return _holder(component) if isinstance(component, Holder) else _leaf(component)


def _holder(component: Holder) -> str:
    inner = _all(component.children)
    match component:
        case canvases.Stack(_, direction):
            return f'<div class="stack {direction}">{inner}</div>'
        case canvases.Grid(_, columns):
            return f'<div class="grid columns-{columns}">{inner}</div>'
        case canvases.Card(title, text, image):
            head = f"<h3>{escape(title)}</h3>{safe_html(text)}{_maybe(image)}"
            return f'<article class="card">{head}{inner}</article>'
        case canvases.ScrollSection(title):
            # Who has no mouse scrolls it by the keyboard, so it takes the focus.
            label = f'role="region" aria-label="{escape(title)}" tabindex="0"'
            return f'<div class="scroll" {label}><h3>{escape(title)}</h3>{inner}</div>'
        case canvases.Dialog(title):
            return f"<details><summary>{escape(title)}</summary>{inner}</details>"
        case _:
            assert_never(component)


def _leaf(component: Leaf) -> str:
    match component:
        case canvases.Text(text):
            return safe_html(text)
        case canvases.Divider():
            return "<hr>"
        case canvases.Badge(text, tone):
            return f'<span class="badge {tone}">{SIGNS[tone]}{escape(text)}</span>'
        case canvases.Callout(text, title, tone):
            head = f"<strong>{SIGNS[tone]}{escape(title)}</strong>" if title else SIGNS[tone]
            return f'<aside class="callout {tone}">{head}{safe_html(text)}</aside>'
        case canvases.Hero(title, subtitle, image):
            below = f"<p>{escape(subtitle)}</p>" if subtitle else ""
            return f'<header class="hero"><h2>{escape(title)}</h2>{below}{_maybe(image)}</header>'
        case canvases.Image():
            return _picture(component)
        case canvases.Gallery(images):
            return f'<div class="gallery">{"".join(map(_picture, images))}</div>'
        case canvases.Button() | canvases.ActionBar() | canvases.Form():
            return _control(component)
        case _:
            return _figures(component)


def _control(component: canvases.Button | canvases.ActionBar | canvases.Form) -> str:
    match component:
        case canvases.Button():
            return _buttons((press_of(component),))
        case canvases.ActionBar(buttons):
            return _buttons([press_of(button) for button in buttons])
        case canvases.Form():
            return _form(component)
        case _:
            assert_never(component)


def _figures(
    component: canvases.ProgressBar
    | canvases.Stats
    | canvases.Timeline
    | canvases.List
    | canvases.Table,
) -> str:
    match component:
        case canvases.ProgressBar(value, label):
            named = (
                f'<progress max="100" value="{value:g}" aria-label="{escape(label)}"></progress>'
            )
            return (
                f'<p class="progress"><b>{escape(label)}</b>{named}<span>{value:.0f} %</span></p>'
            )
        case canvases.Stats(items):
            return f'<dl class="stats">{"".join(map(_stat, items))}</dl>'
        case canvases.Timeline(entries):
            return f'<ol class="timeline">{"".join(map(_moment, entries))}</ol>'
        case canvases.List(items, ordered):
            kind = "ol" if ordered else "ul"
            return f"<{kind}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{kind}>"
        case canvases.Table(columns, rows):
            body = "".join(_row("td", row) for row in rows)
            head = _row("th", columns)
            return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
        case _:
            assert_never(component)


def _stat(item: canvases.Stat) -> str:
    change = f" <small>{escape(item.change)}</small>" if item.change else ""
    return f"<div><dt>{escape(item.label)}</dt><dd>{escape(item.value)}{change}</dd></div>"


def _moment(entry: canvases.Moment) -> str:
    text = f"<br>{_inline(entry.text)}" if entry.text else ""
    return f"<li><b>{escape(entry.when)}</b> {escape(entry.title)}{text}</li>"


def _row(cell: str, texts: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{cell}>{_inline(text)}</{cell}>' for text in texts)}</tr>"


def _inline(text: str) -> str:
    """Render Markdown of one line without the paragraph around it."""
    html = safe_html(" ".join(text.split())).strip()
    inner = html.removeprefix("<p>").removesuffix("</p>")
    return inner if html == f"<p>{inner}</p>" else escape(text)


def _picture(image: Image) -> str:
    """A page that loaded what an agent names would tell its host who reads it, and when."""
    link = f'href="{escape(image.url)}" target="_blank" rel="noopener noreferrer"'
    return f'<a class="picture" {link}>{escape(image.alt)}</a>'


def _maybe(image: Image | None) -> str:
    return "" if image is None else _picture(image)


def _buttons(buttons: Iterable[Button]) -> str:
    shown = "".join(
        f'<button type="button" class="{each.style}" data-says="{escape(each.says)}" '
        f'title="{escape(each.says)}">{escape(each.label)}</button>'
        for each in buttons
    )
    return f'<div class="actions">{shown}</div>'


def _form(form: canvases.Form) -> str:
    fields = "".join(map(_field, form.fields))
    submit = f'<button type="submit" class="good">{escape(form.submit)}</button>'
    says, title = escape(said_before(form)), escape(form.title)
    return f'<form data-says="{says}"><h3>{title}</h3>{fields}{submit}</form>'


def _field(field: canvases.Field) -> str:
    required = " required" if field.required else ""
    name = f'name="{escape(field.label)}"{required}'
    match field.kind:
        case "line":
            control = f'<input type="text" maxlength="500" autocomplete="off" {name}>'
        case "text":
            control = f'<textarea rows="3" maxlength="3000" {name}></textarea>'
        case "choice":
            options = "".join(f"<option>{escape(each)}</option>" for each in field.options)
            control = f'<select {name}><option value="">Choose…</option>{options}</select>'
    return f"<label><span>{escape(field.label)}</span>{control}</label>"
