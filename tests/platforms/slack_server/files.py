"""Files: the upload URL, the protected download, and sharing. Their API methods are in web_api/."""

from dataclasses import replace

from aiohttp import web

from tests.platforms.slack_server.cuts import after, befall
from tests.platforms.slack_server.messages import Draft, post
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Channel, File, Message, Workspace
from tests.platforms.slack_server.world import World

SIGN_IN_PAGE = (
    "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in</body></html>"
)


def share(
    world: World, workspace: Workspace, channel: Channel, files: list[File], draft: Draft
) -> Message:
    """Post the files as one message: file_shared for each, then a file_share message."""
    for file in files:
        event: Json = {
            "type": "file_shared",
            "file_id": file.id,
            "user_id": draft.user,
            "file": {"id": file.id},
        }
        moment = workspace.new_ts(world.now())
        world.publish(workspace, {**event, "channel_id": channel.id, "event_ts": moment})
    message = post(world, workspace, channel, replace(draft, files=[file.id for file in files]))
    for file in files:
        file.shares.setdefault(channel.id, []).append(message.ts)
    return message


class FileServer:
    """The two plain HTTP sides of files."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def upload(self, request: web.Request) -> web.Response:
        """Take the bytes for a URL of files.getUploadURLExternal, raw or as multipart."""
        file = self._file(request)
        fault = self._world.faults.take_for_call("files.upload", {"file": file.id})
        if (failed := await befall(request, fault)) is not None:
            return failed
        file.data = await self._read(request)
        return after(request, fault, web.Response(text=f"OK - {len(file.data)}"))

    async def _read(self, request: web.Request) -> bytes:
        if not request.content_type.startswith("multipart/"):
            return await request.read()
        form = await request.post()
        for field in form.values():
            if isinstance(field, web.FileField):
                return field.file.read()
        raise web.HTTPBadRequest(text="no file in the form")

    async def download(self, request: web.Request) -> web.Response:
        """The bytes for a good bot token; else 200 and the sign-in page, as Slack answers."""
        fault = self._world.faults.take_for_call("files.download", {})
        if (failed := await befall(request, fault)) is not None:
            return failed
        return after(request, fault, self._download(request))

    def _download(self, request: web.Request) -> web.Response:
        text = request.headers.get("Authorization", "").removeprefix("Bearer ")
        file = self._file(request)
        try:
            token = self._world.installations.authenticate(text, self._world.now())
        except Refused:
            return web.Response(text=SIGN_IN_PAGE, content_type="text/html")
        if token.workspace.id != file.team or "files:read" not in token.scopes:
            return web.Response(text=SIGN_IN_PAGE, content_type="text/html")
        return web.Response(body=file.data, content_type=file.mimetype)

    def _file(self, request: web.Request) -> File:
        team, _, file_id = request.match_info["file"].partition("-")
        workspace = self._world.workspaces.get(team)
        file = workspace.files.get(file_id) if workspace else None
        if file is None:
            raise web.HTTPNotFound
        return file
