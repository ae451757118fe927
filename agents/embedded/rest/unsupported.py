"""The rest of Letta's API: one honest sentence for each address that is not served."""

from fastapi import APIRouter, Request

from agents.embedded.errors import Unsupported

router = APIRouter()

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@router.api_route("/v1/{path:path}", methods=_METHODS)
async def refuse(request: Request, path: str) -> None:
    """Say that this part is missing."""
    raise Unsupported(
        f'Postern\'s embedded server has no "{request.method} /v1/{path}". It serves agents, '
        "blocks, conversations, messages, runs, tools and archival memory; for the rest of "
        "Letta's API set LETTA_BASE_URL to a Letta server."
    )
