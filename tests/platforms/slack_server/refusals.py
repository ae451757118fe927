"""How this Slack says no: an `ok:false` code, or a 429. No decision to refuse is made here."""

from typing import Any

from tests.platforms.slack_server.shapes import Json


class Refused(Exception):
    """Ends a Web API call with `{"ok": false, "error": code, **fields}`."""

    def __init__(self, code: str, *details: str, **fields: Any) -> None:  # Any: JSON values
        super().__init__(code)
        self.code = code
        self.fields: Json = fields
        if details:
            self.fields["response_metadata"] = {
                "messages": [f"[ERROR] {detail}" for detail in details]
            }

    def body(self) -> Json:
        return {"ok": False, "error": self.code, **self.fields}


class RateLimited(Refused):
    """Ends a call with HTTP 429 and Retry-After."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("ratelimited")
        self.retry_after_seconds = retry_after_seconds
