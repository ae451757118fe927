"""GET /v1/health/: alive, and as which version of Letta's API."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.rest.deps import answer

LETTA_VERSION = "0.16.8"
"""The release whose wire behaviour this server follows."""

router = APIRouter(prefix="/v1/health")


@router.get("")
@router.get("/")
async def read_health() -> JSONResponse:
    """Needs no token."""
    return answer({"status": "ok", "version": LETTA_VERSION})
