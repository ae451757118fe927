"""Canvases as models write them."""

from __future__ import annotations

from typing import Any

ROME: dict[str, Any] = {"url": "https://pictures.example/rome.png", "alt": "The Forum"}

EVERY_KIND: list[dict[str, Any]] = [
    {"type": "hero", "title": "Rome", "subtitle": "Four days in May", "image": ROME},
    {"type": "badge", "text": "draft", "tone": "warning"},
    {"type": "callout", "text": "The train is **cheap** today.", "title": "Hurry"},
    {"type": "divider"},
    {
        "type": "grid",
        "columns": 2,
        "children": [
            {
                "type": "card",
                "title": "Hotel",
                "text": "Near the *station*.",
                "children": [
                    {"type": "text", "text": "90 € a night"},
                    {"type": "button", "label": "Book it", "says": "Book the hotel"},
                ],
            },
            {"type": "stats", "items": [{"label": "Price", "value": "412 €", "change": "-3 %"}]},
        ],
    },
    {
        "type": "stack",
        "direction": "horizontal",
        "children": [{"type": "progress_bar", "value": 60, "label": "Packed"}],
    },
    {"type": "image", **ROME},
    {"type": "gallery", "images": [ROME, {"url": "https://pictures.example/b.png", "alt": "B"}]},
    {
        "type": "scroll_section",
        "title": "Days",
        "children": [
            {
                "type": "timeline",
                "entries": [{"when": "1 May", "title": "Arrive", "text": "by train"}],
            }
        ],
    },
    {
        "type": "dialog",
        "title": "What to pack",
        "children": [
            {"type": "list", "items": ["Shoes", "Hat"]},
            {"type": "table", "columns": ["What", "How many"], "rows": [["Shirts", "4"]]},
        ],
    },
    {
        "type": "action_bar",
        "buttons": [
            {"label": "Go", "says": "Let us go", "style": "good"},
            {"label": "Stay", "style": "danger"},
        ],
    },
    {
        "type": "form",
        "title": "Your trip",
        "fields": [
            {"label": "From"},
            {"label": "By", "kind": "choice", "options": ["Train", "Bus"]},
            {"label": "Wishes", "kind": "text", "required": False},
        ],
        "submit": "Plan it",
    },
]
"""One of each kind of component."""
