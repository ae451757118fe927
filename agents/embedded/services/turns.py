"""Starting a turn: the checks that admit a request, in the transaction that stores it."""

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from agents.embedded.errors import ApprovalPending, ConversationBusy, NotFound, Refused
from agents.embedded.ids import new_id
from agents.embedded.records import (
    AssistantSaid,
    Body,
    Message,
    Run,
    ToolCall,
    ToolReturn,
    ToolsReturned,
    TurnRequest,
)
from agents.embedded.store import conversations, messages, runs


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the request."""

    body: Body
    otid: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The client's answer to one tool call, or to all that wait (`tool_call_id` None)."""

    tool_call_id: str | None
    status: str
    text: str
    stdout: tuple[str, ...] = ()
    stderr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """A message of the request that answers tool calls."""

    items: tuple[Answer, ...]
    otid: str | None = None


@dataclass(frozen=True, slots=True)
class TurnInput:
    """A whole request to begin a turn."""

    conversation_id: str
    request: TurnRequest
    said: tuple[Said, ...]
    answers: tuple[Answers, ...]

    @property
    def otids(self) -> list[str]:
        """The threading ids the client gave, in order."""
        every = [item.otid for item in (*self.answers, *self.said)]
        return [otid for otid in every if otid]


@dataclass(frozen=True, slots=True)
class Begun:
    """The run that answers the request, and whether this request made it."""

    run: Run
    is_new: bool


def request_token(otids: Sequence[str]) -> str | None:
    """What makes a request the same request: all its threading ids, in order.

    As Letta 0.16.8 does it: two requests that share only some messages are different.
    Without any id there is nothing to recognise a repeat by.
    """
    if not otids:
        return None
    return hashlib.sha256("|".join(otids).encode()).hexdigest()[:32]


def begin(db: sqlite3.Connection, turn: TurnInput, moment: str) -> Begun:
    """Store the request as a run that holds its conversation, or find the run it has already.

    Raises ConversationBusy while another runs, ApprovalPending while tool calls wait for
    their results and the request brings none, Refused for results nobody waits for.
    """
    conversation = conversations.get(db, turn.conversation_id)
    if conversation is None:
        raise NotFound(f"Conversation with ID {turn.conversation_id} not found")
    token = request_token(turn.otids)
    known = None if token is None else runs.answering(db, conversation.id, token)
    if known is not None:
        return Begun(known, is_new=False)
    active = runs.active_in(db, conversation.id)
    if active is not None:
        raise ConversationBusy(active.id)
    bodies = _admitted(db, turn)
    run = Run(
        new_id("run"), conversation.agent_id, conversation.id, "running", turn.request, moment
    )
    runs.insert(db, run, token, turn.otids)
    for said in bodies:
        messages.insert(db, _message(run, said, moment))
    conversations.touch(db, conversation.id, moment)
    return Begun(run, is_new=True)


def clear_pending(
    db: sqlite3.Connection, conversation_id: str, why: str, moment: str
) -> str | None:
    """Answer waiting tool calls with an error; gives the run that asked, if any waited."""
    message = _pending(db, conversation_id)
    if message is None:
        return None
    returned = tuple(
        ToolReturn(call.id, call.name, "error", why) for call in _waiting_calls(message)
    )
    messages.insert(
        db,
        Message(
            id=new_id("message"),
            conversation_id=conversation_id,
            agent_id=message.agent_id,
            body=ToolsReturned(returned),
            created_at=moment,
            run_id=message.run_id,
        ),
    )
    conversations.set_pending(db, conversation_id, None)
    return message.run_id


def _admitted(db: sqlite3.Connection, turn: TurnInput) -> list[Said]:
    pending = _pending(db, turn.conversation_id)
    if pending is not None and not turn.answers:
        raise ApprovalPending(pending.id)
    if not turn.answers:
        return list(turn.said)
    if pending is None:
        raise Refused("Cannot process tool results: no tool call is currently awaiting approval.")
    given = [item for answers in turn.answers for item in answers.items]
    returned = ToolsReturned(tuple(_match_answers(_waiting_calls(pending), given)))
    conversations.set_pending(db, turn.conversation_id, None)
    return [Said(returned, turn.answers[0].otid), *turn.said]


def _match_answers(calls: Sequence[ToolCall], given: Sequence[Answer]) -> list[ToolReturn]:
    if len(given) == 1 and given[0].tool_call_id is None:
        return [_returned(call, given[0]) for call in calls]
    expected = [call.id for call in calls]
    received = [item.tool_call_id for item in given]
    if set(expected) != set(received):
        raise Refused(f"Invalid tool call IDs. Expected '{expected}', but received '{received}'.")
    by_id = {item.tool_call_id: item for item in given}
    return [_returned(call, by_id[call.id]) for call in calls]


def _returned(call: ToolCall, answer: Answer) -> ToolReturn:
    status = "error" if answer.status == "error" else "success"
    return ToolReturn(call.id, call.name, status, answer.text, answer.stdout, answer.stderr)


def _pending(db: sqlite3.Connection, conversation_id: str) -> Message | None:
    message_id = conversations.pending_message(db, conversation_id)
    return None if message_id is None else messages.get(db, message_id)


def _waiting_calls(message: Message) -> tuple[ToolCall, ...]:
    return message.body.client_calls if isinstance(message.body, AssistantSaid) else ()


def _message(run: Run, said: Said, moment: str) -> Message:
    return Message(
        id=new_id("message"),
        conversation_id=run.conversation_id,
        agent_id=run.agent_id,
        body=said.body,
        created_at=moment,
        run_id=run.id,
        otid=said.otid,
        name=said.name,
    )
