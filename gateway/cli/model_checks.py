"""What the doctor asks about the models that people may choose by `/model`: are they there."""

from __future__ import annotations

from typing import cast

import httpx
from pydantic import SecretStr

from gateway.cli.findings import Finding, ok, warning
from gateway.settings import Settings


async def check_choices(settings: Settings, client: httpx.AsyncClient) -> list[Finding]:
    """Compare the handles of the settings with what their server lists.

    Nothing is said where nobody may choose, and where the server does not answer with a
    list: then the checks of the server itself say why.
    """
    handles = _handles(settings)
    if not handles:
        return []
    known = await _known(settings, client)
    if known is None:
        return []
    missing = ", ".join(
        f'"{handle}"' for handle in handles if _named(settings, handle) not in known
    )
    if missing:
        sentence = f"People may choose {missing}, and the server lists no such model."
        return [warning("models", sentence, "Correct letta.models, or models of the [[agents]].")]
    return [ok("models", f"People may choose from {len(handles)}, and all of them are there.")]


def _handles(settings: Settings) -> list[str]:
    lists = [settings.letta.models, *(agent.models or () for agent in settings.agents)]
    return sorted({handle for each in lists for handle in each})


def _named(settings: Settings, handle: str) -> str:
    """Return how the server calls it: the model's API of the embedded one has no providers."""
    return handle.partition("/")[2] if settings.letta.is_embedded else handle


async def _known(settings: Settings, client: httpx.AsyncClient) -> set[object] | None:
    """Return the names of the models that there are; None when that can not be told."""
    letta, model = settings.letta, settings.model
    if letta.is_embedded:
        return await _listed(client, f"{model.server_url}/models", model.api_key, "id")
    return await _listed(client, f"{letta.server_url}/v1/models/", letta.api_key, "handle")


async def _listed(
    client: httpx.AsyncClient, url: str, key: SecretStr | None, name: str
) -> set[object] | None:
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    try:
        answer = await client.get(url, headers=headers)
        body: object = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    if isinstance(body, dict):
        body = cast("dict[str, object]", body).get("data")  # keys of JSON are texts
    if answer.status_code != 200 or not isinstance(body, list):
        return None
    items = cast("list[object]", body)  # looked at below
    found = [cast("dict[str, object]", item) for item in items if isinstance(item, dict)]
    return {item.get(name) for item in found}
