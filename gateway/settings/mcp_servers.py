"""The MCP servers elsewhere whose tools agents use in their turns."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.settings.kinds import Section, SomeSeconds, check_apart, checked_url, must_be

PREFIX = "mcp_"
_LONGEST_NAME = 20


def _server_name(name: str) -> str:
    is_plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if is_plain and len(name) <= _LONGEST_NAME:
        return name
    raise must_be(f"at most {_LONGEST_NAME} lower-case letters, digits and -")


def _address(url: str) -> str:
    checked_url(url, ("http", "https"))
    if urlsplit(url).username is not None:
        raise must_be("an address without a name and a password; a token stands in `token`")
    return url


def _header(name: str) -> str:
    if name.isascii() and name.replace("-", "").isalnum():
        return name
    raise must_be("the name of a header, such as Authorization or X-API-Key")


class McpServerSettings(Section):
    """One MCP server elsewhere, whose tools agents use."""

    name: Annotated[str, AfterValidator(_server_name)] = Field(
        description="Its name; agents call its tools mcp_<name>_<tool>", examples=["wiki"]
    )
    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Its address, over streamable HTTP; a private one is fine",
        examples=["https://wiki.example.com/mcp"],
    )
    token: SecretStr | None = Field(default=None, description="What it knows us by")
    token_header: Annotated[str, AfterValidator(_header)] = Field(
        default="Authorization",
        description="Header that carries the token; in Authorization it follows the word Bearer",
    )
    tools: tuple[str, ...] | None = Field(
        default=None, description="The only tools of it that agents get; all when not set"
    )
    pure: tuple[str, ...] = Field(
        default=(), description="Its tools that change nothing, or * for all"
    )
    idempotent: tuple[str, ...] = Field(
        default=(),
        description="Its tools that may be called twice, or * for all; those not named are not",
    )
    approve: tuple[str, ...] = Field(
        default=(), description="Its tools that need somebody's yes, or * for all"
    )
    timeout_seconds: SomeSeconds = Field(default=30.0, description="How long a call may take")
    longest_result: int = Field(
        default=20_000, ge=100, le=90_000, description="Characters of a result that agents read"
    )
    limit_bytes: int = Field(
        default=1_000_000, ge=1_000, le=50_000_000, description="The most that an answer may have"
    )
    refresh_seconds: SomeSeconds = Field(
        default=300.0, description="How often its tools are looked at; it may also say they changed"
    )

    @property
    def headers(self) -> dict[str, str]:
        """What shows it who we are."""
        if self.token is None:
            return {}
        secret = self.token.get_secret_value()
        is_usual = self.token_header.lower() == "authorization"
        return {self.token_header: f"Bearer {secret}" if is_usual else secret}


def _named_apart(servers: tuple[McpServerSettings, ...]) -> tuple[McpServerSettings, ...]:
    check_apart("[[mcp_servers]]", [server.name for server in servers])
    return servers


McpServers = Annotated[tuple[McpServerSettings, ...], AfterValidator(_named_apart)]
