"""The failures of model endpoints, in the words of Letta's stream errors. Pure."""

from agents.embedded.errors import ModelError


def failure_of_status(status: int, detail: str) -> ModelError:
    """A model endpoint's HTTP error as Letta names it in a stream."""
    kind, message = _FAILURES.get(status, ("llm_error", "An error occurred with the LLM request."))
    return ModelError(kind, message, detail)


_FAILURES = {
    400: ("llm_bad_request", "The model refused the request."),
    401: ("llm_authentication", "Authentication failed with the LLM model provider."),
    403: ("llm_authentication", "Authentication failed with the LLM model provider."),
    404: ("unknown_model", "The endpoint does not know this model."),
    408: ("llm_timeout", "The LLM request timed out. Please try again."),
    422: ("llm_bad_request", "The model refused the request."),
    429: ("llm_rate_limit", "Rate limit exceeded for LLM model provider."),
    504: ("llm_timeout", "The LLM request timed out. Please try again."),
}
