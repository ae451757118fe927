"""assistant.threads.*: the status line, title and suggested prompts of a thread with the app."""

from tests.platforms.slack_server.messages import writable_channel
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json, is_list
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok

PROMPTS_MOST = 4
LOADING_MESSAGES_MOST = 10


def set_status(call: Call) -> Json:
    """Shown for two minutes or until the app answers in the thread; an empty text removes it."""
    place = _thread(call)
    loading: object = call.args.get("loading_messages")
    if loading is not None and (not is_list(loading) or len(loading) > LOADING_MESSAGES_MOST):
        raise Refused(
            "invalid_arguments", "no more than 10 items allowed [json-pointer:/loading_messages]"
        )
    status = call.text("status")
    if status is None:
        raise Refused("invalid_arguments", "missing required field: status [json-pointer:/status]")
    if status:
        call.workspace.statuses[place] = (status, call.world.now())
    else:
        call.workspace.statuses.pop(place, None)
    call.world.pulse.beat()
    return ok()


def set_title(call: Call) -> Json:
    call.workspace.thread_titles[_thread(call)] = call.required("title")
    call.world.pulse.beat()
    return ok()


def set_suggested_prompts(call: Call) -> Json:
    prompts = call.objects("prompts")
    if not 0 < len(prompts) <= PROMPTS_MOST:
        raise Refused(
            "invalid_arguments", f"1 to {PROMPTS_MOST} items allowed [json-pointer:/prompts]"
        )
    if not all({"title", "message"} <= set(prompt) for prompt in prompts):
        raise Refused("invalid_arguments", "missing required field [json-pointer:/prompts]")
    channel = writable_channel(call.workspace, call.text("channel_id"))
    call.workspace.suggested_prompts[channel.id, call.text("thread_ts") or ""] = prompts
    call.world.pulse.beat()
    return ok()


def _thread(call: Call) -> tuple[str, str]:
    channel = writable_channel(call.workspace, call.text("channel_id"))
    thread_ts = call.required("thread_ts")
    if thread_ts not in channel.messages:
        raise Refused("invalid_thread_ts")
    return channel.id, thread_ts


_WRITE = ("chat:write", "assistant:write")
METHODS: Methods = {
    "assistant.threads.setStatus": Method(set_status, _WRITE),
    "assistant.threads.setTitle": Method(set_title, _WRITE),
    "assistant.threads.setSuggestedPrompts": Method(set_suggested_prompts, _WRITE),
}
