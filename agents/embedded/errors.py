"""What the embedded server answers when it refuses, as HTTP status and sentence.

EmbeddedError
├── NotFound              404  no such agent, block, run …
├── Malformed             422  an id or a body that cannot be one
├── Refused               400  understood, and not possible as asked
├── Conflict              409  another state of things is in the way
│   ├── ConversationBusy       a turn is running; carries its run id
│   └── ApprovalPending        tool calls wait for their results
├── Unauthorized          401  the bearer token is missing or wrong
├── EmbeddingUnavailable  503  the embedding model does not answer; words are searched instead
├── EmbeddingWrong        502  the embedding model answers with what is no embedding
└── Unsupported           501  a part of Letta's API that this server does not have

ModelError                     the language model failed; becomes an event of the turn's stream
"""


class EmbeddedError(Exception):
    """A refusal with the HTTP status that says so."""

    status = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def body(self) -> dict[str, object]:
        """The JSON body of the answer, shaped as Letta's."""
        return {"detail": self.detail}


class NotFound(EmbeddedError):
    """There is no such thing."""

    status = 404


class Malformed(EmbeddedError):
    """The request cannot mean anything."""

    status = 422


class Refused(EmbeddedError):
    """The request is clear and cannot be done."""

    status = 400


class Unauthorized(EmbeddedError):
    """The bearer token is missing or wrong."""

    status = 401


class EmbeddingUnavailable(EmbeddedError):
    """The embedding model does not answer now."""

    status = 503


class EmbeddingWrong(EmbeddedError):
    """What the embedding model answers can not be compared with anything."""

    status = 502


class Unsupported(EmbeddedError):
    """A part of Letta's API that this server does not have."""

    status = 501


class Conflict(EmbeddedError):
    """Another state of things is in the way; it may pass."""

    status = 409


class ConversationBusy(Conflict):
    """A turn is running in this conversation; wait for `run_id`, then send again."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"CONFLICT: Cannot send a new message: Another request (run_id={run_id}) is "
            "currently being processed for this conversation. Please wait for it to complete."
        )
        self.run_id = run_id

    @property
    def body(self) -> dict[str, object]:
        """The sentence, and the run to wait for."""
        return {"detail": self.detail, "run_id": self.run_id}


class ApprovalPending(Conflict):
    """Tool calls wait for their results; answer or cancel them first."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            "CONFLICT: Cannot send a new message: The agent is waiting for approval on a tool "
            "call. Please approve or deny the pending request before continuing."
        )
        self.message_id = message_id

    @property
    def body(self) -> dict[str, object]:
        """The code and the message whose calls wait."""
        return {"detail": {"code": "PENDING_APPROVAL", "pending_request_id": self.message_id}}


class ModelError(Exception):
    """The language model failed.

    `kind` is one of Letta's stream error types: `llm_error`, `llm_timeout`, `llm_rate_limit`,
    `llm_authentication`, `llm_empty_response`, `llm_bad_request`, `internal_error`;
    or `unknown_model`, of which Letta knows before it makes a run.
    """

    def __init__(self, kind: str, message: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.message = message
        self.detail = detail

    @property
    def is_overflow(self) -> bool:
        """Whether the endpoint refused because the request is longer than its window."""
        text = self.detail.lower()
        return self.kind == "llm_bad_request" and any(sign in text for sign in _OVERFLOW)


_OVERFLOW = ("context_length", "context length", "context window", "maximum context", "too long")
