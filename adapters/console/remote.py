"""A terminal for a Postern that already runs: talks to its web door, as a browser would.

The frames are those of the web door's WebSocket (`/stream/<agent>?format=text`);
a pipe uses its `POST /chat` instead, which waits for the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from adapters.console import outbound
from adapters.console.inbound import clean_line
from adapters.console.terminal import Terminal
from gateway.errors import BadInput, Refused, RetryLater

COOKIE = "postern_session"
"""The web door's cookie: whoever has its secret is the same person for it."""
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0
ANSWER_SECONDS = 900.0
"""How long a pipe waits for the answer to one line."""


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Which Postern, which of its agents, and as whom."""

    url: str
    """Of the web door, for example `http://127.0.0.1:8080`."""
    token: str
    """From `load_token`."""
    role: str = "postern"
    history_lines: int = 6


def load_token(path: Path) -> str:
    """Return the secret kept in this file, drawn at the first call; only the owner reads it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token)
    return token


class RemoteChat:
    """Chats until the input ends. What the server did not accept is sent again, once accepted."""

    def __init__(self, options: RemoteOptions, terminal: Terminal) -> None:
        self._options = options
        self._terminal = terminal
        self._name = options.role.replace("-", " ").capitalize()
        self._unsent: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._cursor = 0
        self._socket: ClientConnection | None = None

    async def run(self) -> None:
        """Chat; returns when the input ends.

        Raises Refused with the server's sentence when it will not talk to us,
        and RetryLater when it can not be reached at the start.
        """
        headers = {"Cookie": f"{COOKIE}={self._options.token}"}
        async with httpx.AsyncClient(
            base_url=self._options.url, headers=headers, timeout=120, trust_env=False
        ) as client:
            await self._begin(client)
            if not self._terminal.is_interactive:
                await self._answer_lines(client)
                return
            try:
                await self._talk(headers)
            finally:
                self._terminal.clear_growing()

    async def _begin(self, client: httpx.AsyncClient) -> None:
        path = f"/history/{self._options.role}?limit={self._options.history_lines}"
        try:
            response = await client.get(path)
        except httpx.TransportError as error:
            raise RetryLater(f"No Postern answers at {self._options.url}: {error}.") from error
        for message in _checked(response)["messages"]:
            self._cursor = max(self._cursor, message["cursor"])
            self._show_message(message)
        self._terminal.show(outbound.note("Write a line and press Enter. Ctrl-D leaves."))
        self._terminal.prompt()

    # -- a pipe --------------------------------------------------------------------------------

    async def _answer_lines(self, client: httpx.AsyncClient) -> None:
        async for _, text in self._lines():
            body = {"agent_id": self._options.role, "message": text}
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await self._ask(client, body, str(uuid.uuid4()))
            except TimeoutError:
                self._terminal.warn("No answer yet. It is shown when you come back.")
                continue
            for message in answer:
                self._terminal.answer(self._name, message["text"])

    async def _ask(
        self, client: httpx.AsyncClient, body: Mapping[str, str], key: str
    ) -> list[dict[str, Any]]:
        """Ask until the answer is there: the key makes all of it one message."""
        while True:
            try:
                response = await client.post("/chat", json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                await asyncio.sleep(LONGEST_WAIT_SECONDS)
                continue
            if response.status_code not in (202, 503):
                return _checked(response)["messages"]
            if response.status_code == 503:
                await asyncio.sleep(FIRST_WAIT_SECONDS)

    # -- a person ------------------------------------------------------------------------------

    async def _talk(self, headers: Mapping[str, str]) -> None:
        async with asyncio.TaskGroup() as tasks:
            listener = tasks.create_task(self._listen(headers))
            await self._send_lines()
            listener.cancel()

    async def _send_lines(self) -> None:
        async for key, text in self._lines():
            self._unsent[key] = text
            if self._socket is not None:
                await self._transmit(self._socket, key)

    async def _listen(self, headers: Mapping[str, str]) -> None:
        """Stay connected, and say when that is not so."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                async with connect(
                    self._stream_url(), additional_headers=headers, proxy=None
                ) as socket:
                    await self._follow(socket)
            except (OSError, InvalidHandshake, ConnectionClosed):
                pass
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            if self._socket is not None:
                self._terminal.show(outbound.note("Connection lost, trying again…"))
                self._terminal.prompt()
                self._socket, wait = None, FIRST_WAIT_SECONDS
            await asyncio.sleep(wait)

    async def _follow(self, socket: ClientConnection) -> None:
        async for text in socket:
            frame: dict[str, Any] = json.loads(text)
            if frame["type"] == "hello":
                self._socket, self._cursor = socket, frame["cursor"]
                for key in list(self._unsent):
                    await self._transmit(socket, key)
            else:
                self._hear(frame)

    def _hear(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "message":
                self._show_message(frame)
                if not self._is_own(frame):
                    self._terminal.prompt()  # of what was typed here, the answer is still to come
            case "draft":
                self._terminal.grow(outbound.answer(self._name, frame["text"]))
            case "typing" if frame["on"]:
                self._terminal.grow(outbound.note(f"{self._name} is at work…"))
            case "typing" | "removed":
                self._terminal.clear_growing()
            case "accepted":
                self._unsent.pop(frame["id"], None)
            case "error":
                self._hear_error(frame)
            case _:
                pass  # of a newer server

    def _hear_error(self, frame: dict[str, Any]) -> None:
        self._unsent.pop(frame["id"], None)
        again = " Write it again." if frame["retry"] else ""
        self._terminal.warn(f"{frame['text']}{again}")
        self._terminal.prompt()

    async def _transmit(self, socket: ClientConnection, key: str) -> None:
        frame = {"type": "message", "id": key, "text": self._unsent[key]}
        try:
            await socket.send(json.dumps(frame))
        except ConnectionClosed:
            return  # sent again after the reconnect

    # -- both ----------------------------------------------------------------------------------

    async def _lines(self) -> AsyncIterator[tuple[str, str]]:
        """Yield each line that says something, with the key it is known by."""
        async for line in self._terminal.lines():
            try:
                text = clean_line(line)
            except BadInput as error:
                self._terminal.warn(str(error))
                text = ""
            if text:
                yield str(uuid.uuid4()), text
            else:
                self._terminal.prompt()

    def _show_message(self, message: dict[str, Any]) -> None:
        """Show what is new. What was typed here stands on the screen already."""
        known, text = self._texts.get(message["id"]), message["text"]
        self._texts[message["id"]] = text
        if known == text or self._is_own(message):
            return
        if message["role"] == "user":
            self._terminal.show(outbound.question(text))
        elif self._terminal.is_interactive:
            presses = [(each["label"], each["says"]) for each in message.get("buttons", [])]
            self._terminal.answer(self._name, outbound.with_presses(text, presses))

    def _is_own(self, message: dict[str, Any]) -> bool:
        return message["id"].partition(":")[2] in self._unsent

    def _stream_url(self) -> str:
        parts = urlsplit(self._options.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        path = f"{parts.path.rstrip('/')}/stream/{self._options.role}"
        return urlunsplit((scheme, parts.netloc, path, f"format=text&after={self._cursor}", ""))


def _checked(response: httpx.Response) -> dict[str, Any]:
    if response.status_code == 200:
        return response.json()
    try:
        sentence = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        sentence = f"What answers there is no Postern: it said {response.status_code}."
    raise Refused(sentence)
