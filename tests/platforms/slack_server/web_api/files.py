"""files.getUploadURLExternal, completeUploadExternal, info."""

import mimetypes

from tests.platforms.slack_server.files import share
from tests.platforms.slack_server.messages import Draft, writable_channel
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import File
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok
from tests.platforms.slack_server.web_api.chat import thread_of
from tests.platforms.slack_server.wire import shared_file_wire


def get_upload_url(call: Call) -> Json:
    name, length = call.required("filename"), call.required("length")
    if not length.isdigit() or int(length) == 0:
        raise Refused("invalid_arguments", "must be a positive integer [json-pointer:/length]")
    workspace = call.workspace
    file = File(
        workspace.new_id("F"),
        workspace.id,
        name,
        workspace.bot.id,
        call.world.now(),
        call.world.base_url,
    )
    file.declared_bytes = int(length)
    file.mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    workspace.files[file.id] = file
    return ok(
        upload_url=f"{call.world.base_url}/upload/v1/{workspace.id}-{file.id}", file_id=file.id
    )


def complete_upload(call: Call) -> Json:
    """Share what was uploaded in one channel or several, or keep it private without one."""
    files = [_uploaded(call, item) for item in call.objects("files")]
    if not files:
        raise Refused("invalid_arguments", "missing required field: files [json-pointer:/files]")
    wanted = [call.text("channel_id"), *(call.text("channels") or "").split(",")]
    channels = [writable_channel(call.workspace, channel_id) for channel_id in wanted if channel_id]
    for file in files:
        file.is_complete = True
    for channel in channels:
        blocks = call.objects("blocks", "invalid_blocks_format")
        draft = Draft(call.workspace.bot.id, call.text("initial_comment") or "", blocks)
        share(
            call.world, call.workspace, channel, files, _in_thread(draft, thread_of(call, channel))
        )
    return ok(files=[shared_file_wire(file) for file in files])


def _in_thread(draft: Draft, thread_ts: str | None) -> Draft:
    return Draft(draft.user, draft.text, draft.blocks, thread_ts=thread_ts)


def _uploaded(call: Call, item: Json) -> File:
    file = call.workspace.files.get(item.get("id", ""))
    if file is None or file.user != call.workspace.bot.id:
        raise Refused("file_not_found")
    if file.is_complete:
        raise Refused("file_already_completed")
    if file.data is None:
        raise Refused("file_upload_not_found")
    if len(file.data) != file.declared_bytes:
        raise Refused("file_update_failed")
    file.title = item.get("title") or file.name
    return file


def info(call: Call) -> Json:
    file = call.workspace.files.get(call.required("file"))
    if file is None or not file.is_complete:
        raise Refused("file_not_found")
    return ok(file=shared_file_wire(file), comments=[], response_metadata={"next_cursor": ""})


METHODS: Methods = {
    "files.getUploadURLExternal": Method(get_upload_url, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",)),
    "files.info": Method(info, ("files:read",)),
}
