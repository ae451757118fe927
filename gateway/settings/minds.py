"""Settings of where agents live and what they think with."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from gateway.settings.kinds import (
    HttpUrl,
    LettaUrl,
    ModelHandle,
    Section,
    SomeSeconds,
    Usual,
    rule,
)

_LETTA_CLOUD = "https://api.letta.com"
_OPENAI = "https://api.openai.com/v1"


class LettaSettings(Section):
    """Where the agents live."""

    base_url: Annotated[LettaUrl | None, Usual("LETTA_BASE_URL")] = Field(
        default=None,
        description="Address of a Letta server, or of an App Server (ws://…, wss://…); "
        "without it and a key, the embedded one runs",
    )
    api_key: Annotated[SecretStr | None, Usual("LETTA_API_KEY")] = Field(
        default=None, description="Key of the Letta server; without an address, of Letta Cloud"
    )
    model: str | None = Field(
        default=None, description="Model handle for new agents; the server's first when not set"
    )
    models: tuple[ModelHandle, ...] = Field(
        default=(),
        description="Handles of the models that people may choose by /model; none when empty",
    )
    embedding: str | None = Field(
        default=None, description="Embedding handle for new agents; the server's own when not set"
    )
    images: bool = Field(
        default=True, description="Show agents the pictures that people send; off for blind models"
    )

    @property
    def server_url(self) -> str | None:
        """Address of the server; None for the embedded one."""
        if self.base_url is None and self.api_key is not None:
            return _LETTA_CLOUD
        return self.base_url

    @property
    def is_embedded(self) -> bool:
        """Whether the Letta-compatible server of this project runs in the gateway."""
        return self.server_url is None

    @property
    def is_app_server(self) -> bool:
        """Whether the agents live in Letta's App Server, behind its WebSocket."""
        return self.base_url is not None and self.base_url.startswith(("ws://", "wss://"))


class ModelSettings(Section):
    """The language model of the embedded server."""

    base_url: Annotated[HttpUrl | None, Usual("OPENAI_BASE_URL")] = Field(
        default=None,
        description="Address of an OpenAI-compatible API; without it and a key, offline",
    )
    api_key: Annotated[SecretStr | None, Usual("OPENAI_API_KEY")] = Field(
        default=None, description="Its key; without an address, OpenAI's own"
    )
    name: str = Field(default="gpt-4o-mini", description="Name of the model there")
    context_window: int = Field(
        default=128_000, ge=4_000, description="Tokens that it takes in at most"
    )
    embedding: str | None = Field(
        default=None,
        description="Name of an embedding model there; without it, memory is searched by words",
    )
    word_seconds: float = Field(
        default=0.015, ge=0, description="How long the offline model takes for a word; 0 for tests"
    )

    @model_validator(mode="after")
    def _embed_somewhere(self) -> Self:
        if self.embedding is None or not self.is_offline:
            return self
        raise rule(
            f'model.embedding is "{self.embedding}", and there is no API to ask it of; set '
            "model.base_url (OPENAI_BASE_URL) or model.api_key (OPENAI_API_KEY), or remove it."
        )

    @property
    def server_url(self) -> str | None:
        """Address of the API; None for the offline model."""
        if self.base_url is None and self.api_key is not None:
            return _OPENAI
        return self.base_url

    @property
    def is_offline(self) -> bool:
        """Whether the deterministic offline model answers."""
        return self.server_url is None


class TranscriptionSettings(Section):
    """Who writes down what is said in recordings; without it agents can not hear them."""

    base_url: HttpUrl | None = Field(
        default=None,
        description="Address of an OpenAI-compatible API that takes /audio/transcriptions; "
        "without it and a key, nobody listens",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="Its key; without an address, OpenAI's own. That of [model] is never used here",
    )
    model: str = Field(default="gpt-transcribe", description="Name of the model there")
    limit_bytes: int = Field(
        default=25_000_000, ge=1, description="The largest recording that is sent there"
    )
    timeout_seconds: SomeSeconds = Field(
        default=60.0, description="How long a turn waits for all of its recordings together"
    )

    @property
    def server_url(self) -> str | None:
        """Address of the API; None where nobody listens."""
        if self.base_url is None and self.api_key is not None:
            return _OPENAI
        return self.base_url


class ImageGenerationSettings(Section):
    """Who makes pictures for agents; without it they have no tool for that."""

    base_url: HttpUrl | None = Field(
        default=None,
        description="Address of an OpenAI-compatible API that takes /images/generations; "
        "without it and a key, there is no tool make_image",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="Its key; without an address, OpenAI's own. That of [model] is never used here",
    )
    model: str = Field(default="gpt-image-2", description="Name of the model there")
    per_day: int = Field(
        default=20,
        ge=1,
        description="Pictures of one person on a day of UTC, with all their agents",
    )
    limit_bytes: int = Field(
        default=10_000_000, ge=1, description="The largest picture that is taken"
    )
    timeout_seconds: SomeSeconds = Field(
        default=120.0, description="A picture that takes longer is not waited for"
    )

    @property
    def server_url(self) -> str | None:
        """Address of the API; None where nobody makes pictures."""
        if self.base_url is None and self.api_key is not None:
            return _OPENAI
        return self.base_url


def check_choice_of_models(letta: LettaSettings, model: ModelSettings, *, is_choice: bool) -> None:
    """Raise the rule's error where people may choose a model, and there are no others."""
    if is_choice and letta.is_app_server:
        raise rule("An App Server takes no choice of model; remove letta.models and agents.models.")
    if is_choice and letta.is_embedded and model.is_offline:
        raise rule(
            "letta.models and agents.models let people choose, and there is only the offline "
            "model; set model.base_url (OPENAI_BASE_URL) or model.api_key (OPENAI_API_KEY), or "
            "remove them."
        )
