"""An S3 server on loopback: checks every signature and condition, and keeps objects in memory."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http import HttpServer, listen

KEY_ID, SECRET, REGION, BUCKET = "AKIDTEST", "test/secret+key", "eu-test-1", "our-bucket"
PAGE = 3
"""Objects of one page, so that listings have several."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One object."""

    body: bytes
    headers: dict[str, str]

    @property
    def tag(self) -> str:
        """S3's ETag of it."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


@dataclass
class S3Server:
    """What it has, and what it was asked."""

    objects: dict[str, Kept] = field(default_factory=dict[str, Kept])
    asked: list[str] = field(default_factory=list[str])
    failures: list[int] = field(default_factory=list[int])
    """Statuses that the next requests are answered with instead."""
    url: str = ""

    async def take(self, request: Request) -> Response:
        """Answer one request."""
        body = await request.body()
        self.asked.append(f"{request.method} {request.url.path}")
        if self.failures:
            return _error(self.failures.pop(0), "SlowDown")
        if not _is_signed(request, body):
            return _error(403, "SignatureDoesNotMatch")
        bucket, _, key = unquote(request.scope["raw_path"].decode())[1:].partition("/")
        if bucket != BUCKET:
            return _error(404, "NoSuchBucket")
        if not key:
            return self._list(request)
        match request.method:
            case "PUT" if "x-amz-copy-source" in request.headers:
                return self._copy(request, key)
            case "PUT":
                return self._put(request, key, body)
            case "DELETE":
                self.objects.pop(key, None)
                return Response(status_code=204)
            case _:
                return self._get(request, key)

    def _put(self, request: Request, key: str, body: bytes) -> Response:
        there = self.objects.get(key)
        if request.headers.get("if-none-match") == "*" and there is not None:
            return _error(412, "PreconditionFailed")
        wanted = request.headers.get("if-match")
        if wanted is not None and there is None:
            return _error(404, "NoSuchKey")
        if wanted is not None and there is not None and there.tag != wanted:
            return _error(412, "PreconditionFailed")
        kept = {
            name: value
            for name, value in request.headers.items()
            if name.startswith("x-amz-meta-") or name == "content-type"
        }
        self.objects[key] = Kept(body, kept)
        return Response(headers={"etag": self.objects[key].tag})

    def _copy(self, request: Request, key: str) -> Response:
        source = unquote(request.headers["x-amz-copy-source"]).removeprefix(f"/{BUCKET}/")
        there = self.objects.get(source)
        if there is None:
            return _error(404, "NoSuchKey")
        if there.tag != request.headers.get("x-amz-copy-source-if-match", there.tag):
            return _error(412, "PreconditionFailed")
        self.objects[key] = there
        return Response("<CopyObjectResult/>", media_type="application/xml")

    def _get(self, request: Request, key: str) -> Response:
        there = self.objects.get(key)
        if there is None:
            return _error(404, "NoSuchKey")
        body = b"" if request.method == "HEAD" else there.body
        return Response(body, headers={**there.headers, "etag": there.tag})

    def _list(self, request: Request) -> Response:
        asked = request.query_params
        begin = max(asked.get("start-after", ""), asked.get("continuation-token", ""))
        keys = sorted(
            key for key in self.objects if key.startswith(asked["prefix"]) and key > begin
        )
        page = keys[: min(PAGE, int(asked.get("max-keys", "1000")))]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key].body)}</Size></Contents>"
            for key in page
        )
        more = len(keys) > len(page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
        return Response(
            f'<ListBucketResult xmlns="{namespace}">{contents}{token}</ListBucketResult>',
            media_type="application/xml",
        )


@asynccontextmanager
async def s3_server() -> AsyncGenerator[S3Server]:
    """Serve an empty bucket."""
    import uvicorn

    world = S3Server()
    methods = ["GET", "HEAD", "PUT", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", world.take, methods=methods)])
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = HttpServer(config)
    with closing(listen("127.0.0.1", 0)) as listener:
        world.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            try:
                yield world
            finally:
                server.ask_to_stop()


def _is_signed(request: Request, body: bytes) -> bool:
    """Compute the signature from what arrived, by the reference and not by our client."""
    given = request.headers.get("authorization", "")
    fields = dict(
        part.strip().split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(",")
    )
    moment = request.headers["x-amz-date"]
    names = fields["SignedHeaders"].split(";")
    digest = hashlib.sha256(body).hexdigest()
    if request.headers["x-amz-content-sha256"] != digest or "host" not in names:
        return False
    if any(name.startswith("x-amz-") and name not in names for name in request.headers):
        return False
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query_params.multi_items()
    )
    canonical = "\n".join(
        [
            request.method,
            request.scope["raw_path"].decode(),
            "&".join("=".join(pair) for pair in pairs),
            *(f"{name}:{request.headers[name]}" for name in names),
            "",
            ";".join(names),
            digest,
        ]
    )
    scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
    if fields["Credential"] != f"{KEY_ID}/{scope}":
        return False
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, fields["Signature"])


def _error(status: int, code: str) -> Response:
    body = f"<Error><Code>{code}</Code></Error>"
    return Response(body, status_code=status, media_type="application/xml")
