"""A control plane on loopback: takes a deployment as Modal's own would, and remembers it all.

It speaks the client's protocol, so what it keeps is what Modal would be told, byte for byte.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grpclib.const import Handler
from grpclib.server import Server, Stream
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

from tests.fakes.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[3]

_PREFIXES = {"secret_id": "st", "class_id": "cs"}
"""Ids begin with what they are of; the others with the first two letters of their names."""


def _calls() -> Mapping[str, Any]:
    """Return every call of the protocol, with the types of its messages."""
    calls: Any = type(
        "Calls", (ModalClientBase,), dict.fromkeys(ModalClientBase.__abstractmethods__)
    )
    calls.__abstractmethods__ = frozenset()
    return calls().__mapping__()


class ControlPlane:
    """Answers every call with an id where one is asked for."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Any]] = defaultdict(list)
        self._numbers = itertools.count(1)

    def __mapping__(self) -> dict[str, Handler]:
        """Return the handlers, as grpclib wants them."""
        return {path: self._handler(path, each) for path, each in _calls().items()}

    def _handler(self, path: str, original: Any) -> Handler:
        name = path.rpartition("/")[2]

        async def handle(stream: Stream[Any, Any]) -> None:
            request = await stream.recv_message()
            self.heard[name].append(request)
            reply = original.reply_type()
            getattr(self, f"_answer_{name}", self._answer)(request, reply)
            await stream.send_message(reply)

        return Handler(handle, original.cardinality, original.request_type, original.reply_type)

    def _answer(self, request: Any, reply: Any) -> None:
        for field in reply.DESCRIPTOR.fields:
            if field.name.endswith("_id") and field.type == field.TYPE_STRING:
                prefix = _PREFIXES.get(field.name, field.name[:2])
                setattr(reply, field.name, f"{prefix}-{next(self._numbers)}")

    def _answer_AppGetByDeploymentName(self, request: Any, reply: Any) -> None:  # noqa: N802 - the call's name
        """Nothing is deployed yet."""

    def _answer_AppGetLogs(self, request: Any, reply: Any) -> None:  # noqa: N802 - the call's name
        reply.app_done = True

    def _answer_AuthTokenGet(self, request: Any, reply: Any) -> None:  # noqa: N802 - the call's name
        reply.token = "e30.eyJleHAiOjk5OTk5OTk5OTl9.e30"

    def _answer_ImageGetOrCreate(self, request: Any, reply: Any) -> None:  # noqa: N802 - the call's name
        self._answer(request, reply)
        reply.result.status = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS

    def _answer_MountPutFile(self, request: Any, reply: Any) -> None:  # noqa: N802 - the call's name
        reply.exists = True

    def _answer_FunctionCreate(self, request: Any, reply: Any) -> None:  # noqa: N802 - the call's name
        reply.function_id = request.existing_function_id
        reply.handle_metadata.function_name = request.function.function_name
        reply.function.CopyFrom(request.function)
        reply.function_data.function_name = request.function.function_name
        ranked = reply.function_data.ranked_functions.add()
        ranked.function.CopyFrom(request.function)


class Deployment:
    """What Modal was told."""

    def __init__(self, plane: ControlPlane, output: str) -> None:
        self.heard = plane.heard
        self.output = output

    @property
    def functions(self) -> dict[str, Any]:
        """Every function as it was created, by its name; a class is `Name.*`."""
        created = self.heard["FunctionCreate"]
        return {each.function.function_name: each.function for each in created}

    @property
    def files(self) -> set[str]:
        """The path of every file that reaches the containers."""
        mounts = self.heard["MountGetOrCreate"]
        return {file.filename for mount in mounts for file in mount.files}

    @property
    def image_commands(self) -> list[str]:
        """Every line of every image's recipe."""
        images = self.heard["ImageGetOrCreate"]
        return [line for each in images for line in each.image.dockerfile_commands]


async def deployed(home: Path) -> Deployment:
    """Run the real `modal deploy` against a control plane of our own."""
    return await run_modal(home, "deploy", "deploy/modal_app.py")


async def run_modal(
    home: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> Deployment:
    """Run a command of Modal's client against a control plane of our own."""
    plane = ControlPlane()
    server = Server([plane])
    listener = socket.create_server(("127.0.0.1", 0))
    await server.start(sock=listener)
    port = listener.getsockname()[1]
    variables = {
        **(environ or {}),
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MODAL_SERVER_URL": f"http://127.0.0.1:{port}",
        "MODAL_TOKEN_ID": "ak-none",
        "MODAL_TOKEN_SECRET": "as-none",
        "MODAL_IMAGE_BUILDER_VERSION": "2025.06",
    }
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "modal", *arguments,
            cwd=ROOT, env=variables,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE_SECONDS):
            output, _ = await process.communicate()
    finally:
        server.close()
        await server.wait_closed()
    return Deployment(plane, output.decode(errors="replace"))
