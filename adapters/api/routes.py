"""The admin API under `/api/v1`: posts and schedules, for who has the admin token."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from adapters.api.guard import AdminOnly, read_body
from adapters.api.models import BroadcastBody, MessageBody, PauseBody, ScheduleBody, parse_body
from adapters.api.parts import ApiParts
from gateway.domain.bans import OPERATOR
from gateway.domain.deliveries import Delivery
from gateway.domain.people import pairing_json
from gateway.domain.schedule_json import activity_page, schedule_json
from gateway.domain.schedules import Schedule
from gateway.domain.trails import trail_json
from gateway.errors import BadInput

LONGEST_PAGE = 500


def make_router(parts: ApiParts, admin_token: str | None) -> APIRouter:
    """Return the routes; every one of them needs the admin token."""
    door = _Door(parts)
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(AdminOnly(admin_token))])
    router.add_api_route("/messages", door.post, methods=["POST"])
    router.add_api_route("/messages/{delivery:path}", door.message, methods=["GET"])
    router.add_api_route("/broadcasts", door.broadcast, methods=["POST"])
    router.add_api_route("/schedules", door.add, methods=["POST"])
    router.add_api_route("/schedules", door.list, methods=["GET"])
    router.add_api_route("/schedules/{name}", door.show, methods=["GET"])
    router.add_api_route("/schedules/{name}", door.remove, methods=["DELETE"])
    router.add_api_route("/schedules/{name}/run", door.run, methods=["POST"])
    router.add_api_route("/schedules/{name}/pause", door.pause, methods=["POST"])
    router.add_api_route("/schedules/{name}/resume", door.resume, methods=["POST"])
    router.add_api_route("/agents/{role}/activity", door.activity, methods=["GET"])
    router.add_api_route("/trail/{thing:path}", door.trail, methods=["GET"])
    router.add_api_route("/pairings", door.pairings, methods=["GET"])
    router.add_api_route("/pairings/{code}/approve", door.approve, methods=["POST"])
    router.add_api_route("/pairings/{code}/deny", door.deny, methods=["POST"])
    # What is not there needs the token too: nobody learns more than that.
    router.add_api_route("/{rest:path}", _nothing, methods=["GET", "POST", "PUT", "DELETE"])
    return router


class _Door:
    """One method per route. The desk behind it refuses whatever commands would be refused."""

    def __init__(self, parts: ApiParts) -> None:
        self._posts = parts.posts
        self._broadcasts = parts.broadcasts
        self._deliveries = parts.deliveries
        self._schedules = parts.schedules
        self._fires = parts.fires
        self._trails = parts.trails
        self._roles = parts.roles
        self._pairings = parts.pairings

    async def post(self, request: Request) -> Response:
        """Store a post: 201, or 200 when it was stored before under the same key."""
        body = parse_body(MessageBody, await read_body(request))
        key = request.headers.get("idempotency-key", body.id)
        posted = await self._posts.post(body.conversation, body.text, key)
        shown: dict[str, object] = {
            "id": posted.id,
            "conversation": posted.conversation.id,
            "deliveries": list(posted.deliveries),
            "new": posted.is_new,
        }
        return JSONResponse(shown, 201 if posted.is_new else 200)

    async def broadcast(self, request: Request) -> Response:
        """Store a post for all who want it; repeated with its key, it reaches the rest."""
        body = parse_body(BroadcastBody, await read_body(request))
        key = request.headers.get("idempotency-key", body.id)
        if key is None:
            raise BadInput("A broadcast needs a key: an Idempotency-Key header, or id.")
        return JSONResponse({"new": await self._broadcasts.post(body.text, key, body.platform)})

    async def message(self, delivery: str) -> Response:
        """Tell how a delivery stands; it is sent only when there is a receipt."""
        found = await self._deliveries.get(delivery)
        if found is None:
            raise HTTPException(404, f'There is no delivery "{delivery}".')
        return JSONResponse(_delivery_json(found))

    async def add(self, request: Request) -> Response:
        """Make a schedule."""
        body = parse_body(ScheduleBody, await read_body(request))
        return self._report(await self._schedules.add(body.wish()), 201)

    async def list(self, after: str = "", limit: int = 100) -> Response:
        """List schedules by id; `next` is what to pass as `after` for more."""
        _check_limit(limit)
        page = await self._schedules.page(after, limit)
        reports = [schedule_json(self._schedules.report(schedule)) for schedule in page]
        following = page[-1].id if len(page) == limit else None
        return JSONResponse({"schedules": reports, "next": following})

    async def show(self, name: str) -> Response:
        """Tell all about one, with its newest past slots."""
        schedule = await self._find(name)
        past = await self._schedules.past(schedule, 20)
        return JSONResponse(schedule_json(self._schedules.report(schedule), past))

    async def remove(self, name: str) -> Response:
        """Drop one."""
        schedule = await self._find(name)
        return self._report(await self._schedules.remove(schedule.id))

    async def run(self, name: str) -> Response:
        """Wake its agent now."""
        schedule = await self._find(name)
        if not await self._schedules.run(schedule.id):
            raise HTTPException(409, f'"{name}" was changed by somebody else just now; try again.')
        return self._report(schedule, 202)

    async def pause(self, name: str, request: Request) -> Response:
        """Let one rest, for good or until a moment."""
        body = parse_body(PauseBody, await read_body(request))
        schedule = await self._find(name)
        return self._report(await self._schedules.pause(schedule.id, body.until))

    async def resume(self, name: str) -> Response:
        """Let one go on from now."""
        schedule = await self._find(name)
        return self._report(await self._schedules.resume(schedule.id))

    async def activity(self, role: str, before: str | None = None, limit: int = 100) -> Response:
        """Tell what the agents of a role did by themselves, newest first."""
        if role not in self._roles:
            raise HTTPException(404, f'There is no agent "{role}".')
        _check_limit(limit)
        try:
            lines = await self._fires.activity(role, before, limit)
        except ValueError:
            raise BadInput("before is the `next` of an earlier page.") from None
        return JSONResponse(activity_page(lines, limit))

    async def trail(self, thing: str) -> Response:
        """Tell all that happened to a thing and to what belongs to it."""
        try:
            return JSONResponse(trail_json(await self._trails.follow(thing)))
        except BadInput as error:
            raise HTTPException(404, str(error)) from None

    async def pairings(self) -> Response:
        """List the strangers who wait to be let in, oldest first."""
        waiting = [pairing_json(each) for each in await self._pairings.waiting()]
        return JSONResponse({"pairings": waiting})

    async def approve(self, code: str) -> Response:
        """Let the stranger with this code talk."""
        return await self._decided(code, is_allowed=True)

    async def deny(self, code: str) -> Response:
        """Turn the stranger with this code away."""
        return await self._decided(code, is_allowed=False)

    async def _decided(self, code: str, *, is_allowed: bool) -> Response:
        try:
            who = await self._pairings.decide(code, is_allowed=is_allowed, by=OPERATOR)
        except BadInput as error:
            raise HTTPException(404, str(error)) from None
        return JSONResponse({**pairing_json(who), "allowed": is_allowed})

    async def _find(self, name: str) -> Schedule:
        try:
            return await self._schedules.find(name)
        except BadInput as error:
            raise HTTPException(404, str(error)) from None

    def _report(self, schedule: Schedule, status: int = 200) -> Response:
        return JSONResponse(schedule_json(self._schedules.report(schedule)), status)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= LONGEST_PAGE:
        raise BadInput(f"limit is from 1 to {LONGEST_PAGE}.")


def _delivery_json(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "conversation": delivery.conversation.id,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "receipt": delivery.receipt,
    }


async def _nothing(rest: str) -> Response:
    raise HTTPException(404, f'There is no "{rest}" in the API.')
