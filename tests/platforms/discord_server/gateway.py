"""Gateway v10: sessions that number and keep their events, and what goes wrong with them.

Opcodes and close codes: Discord's reference, "Opcodes and Status Codes". The websocket
itself is in `connection`.
"""

import json
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web

from tests.platforms.discord_server import payloads
from tests.platforms.discord_server.connection import ClosedBy, Connection, GatewayClosed
from tests.platforms.discord_server.events import Event, Intent, without_content
from tests.platforms.discord_server.rest.application import Application
from tests.platforms.discord_server.settings import PRIVILEGED
from tests.platforms.discord_server.state import World
from tests.platforms.discord_server.wire import Json, as_object

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE = 0, 1, 2, 3, 4
RESUME, RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, ACK = 6, 7, 8, 9, 10, 11
_ALL_INTENTS = (1 << 26) - 1


@dataclass(slots=True)
class Session:
    """One identified client: its place, its events, and its connection while it has one."""

    id: str
    shard: int
    shard_count: int
    intents: int
    sequence: int = 0
    replay: deque[tuple[int, str]] = field(default_factory=deque[tuple[int, str]])
    connection: Connection | None = None
    cut_at: float | None = None
    """When the connection was lost; None while it is there."""

    resumes: int = 0
    presences: list[Json] = field(default_factory=list[Json])
    is_over: bool = False

    def receives(self, event: Event) -> bool:
        """Tell whether an event is for this shard and its intents. DMs go to shard 0."""
        if event.intent and not self.intents & event.intent:
            return False
        place = 0 if event.guild_id is None else (event.guild_id >> 22) % self.shard_count
        return place == self.shard

    def send(self, name: str, encoded: str, keep: int) -> None:
        """Number an event, keep it for RESUME, and send it if anybody is there."""
        self.sequence += 1
        frame = f'{{"op":0,"s":{self.sequence},"t":"{name}","d":{encoded}}}'
        self.replay.append((self.sequence, frame))
        while len(self.replay) > keep:
            self.replay.popleft()
        if self.connection is not None:
            self.connection.send(frame)


class Gateway:
    """All sessions. Faults are methods: `cut`, `reconnect`, `invalidate`, `repeat` …"""

    def __init__(self, world: World, application: Application, notify: Callable[[], None]) -> None:
        self._world = world
        self._application = application
        self._notify = notify
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.closes: list[int] = []
        """Close codes that this side sent, in order."""

        self.identifies = 0
        self.invalidations = 0
        self.delivered: Counter[str] = Counter()
        """How often each event went into a session, by name."""

        self._repeats: Counter[str] = Counter()
        self._drops: Counter[str] = Counter()
        self._identify_refusals: list[int] = []
        self._acks_heartbeats = True
        self._is_down = False

    # What tests ask for

    @property
    def live(self) -> list[Session]:
        """Sessions with a connection, by shard."""
        found = [one for one in self.sessions.values() if one.connection is not None]
        return sorted(found, key=lambda session: session.shard)

    def cut(self, *, code: int | None = None, shard: int | None = None) -> None:
        """Drop connections: by a reset, or with a close code. The sessions can be resumed."""
        for session in self._chosen(shard):
            if session.connection is not None:
                session.connection.close(ClosedBy(code))

    def reconnect(self, *, shard: int | None = None) -> None:
        """Send RECONNECT (7): the client is to come back and resume."""
        for session in self._chosen(shard):
            if session.connection is not None:
                session.connection.send_op(RECONNECT, None)

    def invalidate(self, *, resumable: bool = False, shard: int | None = None) -> None:
        """Send INVALID_SESSION (9); unless resumable, missed events are gone for good."""
        for session in self._chosen(shard):
            if session.connection is not None:
                session.connection.send_op(INVALID_SESSION, resumable)
            if not resumable:
                self._end(session)

    def forget(self) -> None:
        """Forget every session: the next RESUME is answered with INVALID_SESSION."""
        for session in list(self.sessions.values()):
            self._end(session)

    def repeat(self, event_name: str, times: int = 1) -> None:
        """Deliver the next event of this name that many times more."""
        self._repeats[event_name] += times

    def drop(self, event_name: str, times: int = 1) -> None:
        """Never deliver the next events of this name: not even RESUME brings them."""
        self._drops[event_name] += times

    def refuse_identify(self, code: int, times: int = 1) -> None:
        """Close the next IDENTIFYs with a code."""
        self._identify_refusals += [code] * times

    def acknowledge_heartbeats(self, *, answers: bool) -> None:
        """Stop or go on answering heartbeats; a client without answers is a zombie."""
        self._acks_heartbeats = answers

    def fall_silent(self) -> None:
        """Let nothing more arrive on the connections that there are, not even ACKs."""
        for connection in self.connections:
            connection.is_silent = True

    def go_down(self) -> None:
        """Cut everybody and answer new connections with 503 until `come_back`."""
        self._is_down = True
        self.cut()

    def come_back(self) -> None:
        self._is_down = False

    def _chosen(self, shard: int | None) -> list[Session]:
        return [one for one in self.sessions.values() if shard in (None, one.shard)]

    # Events

    def publish(self, event: Event) -> None:
        """Give an event to every session it is for, in the order of publishing."""
        if self._drops[event.name] > 0:
            self._drops[event.name] -= 1
            return
        copies = 1 + self._repeats.pop(event.name, 0)
        full = bare = ""
        for session in self._still_resumable():
            if not session.receives(event):
                continue
            hides = event.has_private_content and not session.intents & Intent.MESSAGE_CONTENT
            if hides:
                bare = bare or _encode(without_content(event.data))
            else:
                full = full or _encode(event.data)
            for _ in range(copies):
                self._send(session, event.name, bare if hides else full)

    def _send(self, session: Session, name: str, encoded: str) -> None:
        session.send(name, encoded, self._world.settings.replay_limit)
        self.delivered[name] += 1

    def _still_resumable(self) -> Iterable[Session]:
        oldest = self._world.now() - self._world.settings.resume_window_seconds
        for session in list(self.sessions.values()):
            if session.cut_at is not None and session.cut_at < oldest:
                self._end(session)
            else:
                yield session

    def _end(self, session: Session) -> None:
        session.is_over = True
        self.sessions.pop(session.id, None)

    # Connections

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Hold one websocket from HELLO to its end."""
        if self._is_down:
            return web.Response(status=503)
        connection = Connection(self._world.settings, self)
        self.connections.add(connection)
        try:
            return await connection.run(request)
        finally:
            self.connections.discard(connection)
            self._notify()

    def left(self, connection: Connection, code: int | None) -> None:
        """Note a connection's end; a client that closes with 1000 or 1001 ends its session."""
        session = connection.session
        connection.session = None
        if session is None or session.connection is not connection:
            return
        session.connection, session.cut_at = None, self._world.now()
        if code in (1000, 1001):
            self._end(session)

    def receive(self, connection: Connection, op: int, data: object) -> None:
        """Act on one payload of a client; raises `GatewayClosed` with the code it is due."""
        match op:
            case 1:
                if self._acks_heartbeats:
                    connection.send_op(ACK, None)
            case 2:
                self._identify(connection, _object(data))
            case 6:
                self._resume(connection, _object(data))
            case 3:
                self._session_of(connection).presences.append(_object(data))
            case 4:
                self._session_of(connection)
            case 8:
                self._send_members(self._session_of(connection), _object(data))
            case _:
                raise GatewayClosed(4001)
        self._notify()

    def _session_of(self, connection: Connection) -> Session:
        if connection.session is None:
            raise GatewayClosed(4003)
        return connection.session

    def _identify(self, connection: Connection, data: Json) -> None:
        if connection.session is not None:
            raise GatewayClosed(4005)
        if self._identify_refusals:
            raise GatewayClosed(self._identify_refusals.pop(0))
        shard, count = self._checked_identity(data)
        self.identifies += 1
        self._application.session_starts_left -= 1
        session = Session(secrets.token_hex(16), shard, count, data["intents"])
        session.connection, connection.session = connection, session
        self.sessions[session.id] = session
        self._greet(session)

    def _checked_identity(self, data: Json) -> tuple[int, int]:
        intents: object = data.get("intents")
        if data.get("token") != self._world.settings.token:
            raise GatewayClosed(4004)
        if not isinstance(intents, int) or not 0 <= intents <= _ALL_INTENTS:
            raise GatewayClosed(4013)
        if intents & PRIVILEGED & ~self._world.settings.allowed_privileged_intents:
            raise GatewayClosed(4014)
        shard: list[int] = data.get("shard") or [0, 1]
        if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
            raise GatewayClosed(4010)
        return shard[0], shard[1]

    def _greet(self, session: Session) -> None:
        world = self._world
        guilds = [
            guild
            for guild in world.guilds.values()
            if (guild.id >> 22) % session.shard_count == session.shard
        ]
        ready: Json = {
            "v": 10,
            "user": payloads.own_user(world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": f"{self._application.gateway_url}resume/",
            "shard": [session.shard, session.shard_count],
            "application": {"id": str(world.application_id), "flags": 0},
            "private_channels": [],
        }
        self._send(session, "READY", _encode(ready))
        if not session.intents & Intent.GUILDS:
            return
        for guild in guilds:
            self._send(session, "GUILD_CREATE", _encode(world.announce.guild_create(guild)))

    def _resume(self, connection: Connection, data: Json) -> None:
        if connection.session is not None:
            raise GatewayClosed(4005)
        if data.get("token") != self._world.settings.token:
            raise GatewayClosed(4004)
        list(self._still_resumable())
        session = self.sessions.get(str(data.get("session_id")))
        seen: object = data.get("seq")
        if session is None or not isinstance(seen, int) or not self._covers(session, seen):
            self.invalidations += 1
            connection.send_op(INVALID_SESSION, data=False)
            return
        if session.connection is not None:
            session.connection.close(ClosedBy(4000))
        session.connection, connection.session = connection, session
        session.cut_at, session.resumes = None, session.resumes + 1
        for number, frame in session.replay:
            if number > seen:
                connection.send(frame)
        self._send(session, "RESUMED", "{}")

    def _covers(self, session: Session, seen: int) -> bool:
        if seen > session.sequence:
            raise GatewayClosed(4007)
        oldest = session.replay[0][0] if session.replay else session.sequence + 1
        return seen >= oldest - 1

    def _send_members(self, session: Session, data: Json) -> None:
        guild = self._world.guilds.get(int(data.get("guild_id") or 0))
        if guild is None:
            return
        wanted: list[object] = data.get("user_ids") or []
        chosen = {int(str(one)) for one in wanted} or set(guild.member_ids)
        members = [
            payloads.member(self._world.users[one], guild)
            for one in guild.member_ids
            if one in chosen
        ]
        chunk: Json = {"guild_id": str(guild.id), "members": members}
        chunk |= {"chunk_index": 0, "chunk_count": 1, "nonce": data.get("nonce")}
        self._send(session, "GUILD_MEMBERS_CHUNK", _encode(chunk))


def _encode(data: Json) -> str:
    return json.dumps(data, separators=(",", ":"))


def _object(data: object) -> Json:
    found = as_object(data)
    if found is None:
        raise GatewayClosed(4002)
    return found
