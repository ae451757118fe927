"""Who may call the admin API, and how much a request may carry."""

from __future__ import annotations

import hmac

from starlette.exceptions import HTTPException
from starlette.requests import Request

BODY_LIMIT_BYTES = 256_000


class AdminOnly:
    """Lets nobody in but who has the admin token. Without one, there is no API at all."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def __call__(self, request: Request) -> None:
        """Raise HTTPException: 404 where no token is set, 401 for a wrong one."""
        if not self._token:
            raise HTTPException(404, "There is no admin API here: http.admin_token is not set.")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        is_known = hmac.compare_digest(given.strip().encode(), self._token.encode())
        if scheme.lower() != "bearer" or not is_known:
            raise HTTPException(
                401,
                "This needs the admin token: Authorization: Bearer …",
                {"WWW-Authenticate": "Bearer"},
            )


async def read_body(request: Request, limit_bytes: int = BODY_LIMIT_BYTES) -> bytes:
    """Read the body; raises HTTPException (413) as soon as it is over the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise HTTPException(413, f"The body is over {limit_bytes:,} bytes.")
    return bytes(body)
