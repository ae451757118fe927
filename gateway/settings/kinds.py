"""What a setting can be: the checked types of which the settings tree is made."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError
from pydantic_core.core_schema import ValidationInfo

from gateway.domain.circles import Circle, is_circle
from gateway.domain.conversations import Conversation

PLATFORMS = ("discord", "slack", "web", "console")


@dataclass(frozen=True, slots=True)
class Usual:
    """The variable's name that everybody knows, read when our own is not set."""

    name: str


class Section(BaseModel):
    """One table of the settings: unknown keys are errors, and nothing changes later."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _tidy(cls, value: object, info: ValidationInfo) -> object:
        """Trim texts, take a blank one for "not set", and true for no number."""
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and _is_number(field.annotation):
            raise PydanticKnownError("int_type")
        if not isinstance(value, str):
            return value
        if value.strip() or field.is_required():
            return value.strip()
        return field.get_default(call_default_factory=True, validated_data=info.data)


def must_be(what: str) -> PydanticCustomError:
    """Return the error that says what a value has to be: "<setting> must be <what>"."""
    return PydanticCustomError("must_be", "{what}", {"what": what})


def rule(sentence: str) -> PydanticCustomError:
    """Return the error of a rule over several settings, said by a sentence of its own."""
    return PydanticCustomError("rule", "{sentence}", {"sentence": sentence})


def check_apart(what: str, names: Sequence[str]) -> None:
    """Raise the rule's error when two tables of a list share a name."""
    for name in names:
        if names.count(name) > 1:
            raise rule(f'Two {what} are called "{name}"; give each a name of its own.')


def _as_time_of_day(value: object) -> str:
    """Take `04:00`, as a text or as TOML has it without quotes and with seconds."""
    written = value.isoformat() if isinstance(value, time) else str(value)
    found = re.fullmatch(r"(([01]\d|2[0-3]):[0-5]\d)(:00)?", written)
    if found is None:
        raise must_be("a time of day such as 04:00")
    return found[1]


TimeOfDay = Annotated[str, BeforeValidator(_as_time_of_day)]
"""Hours and minutes of a wall clock: 04:00."""


def _as_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise must_be("an IANA time zone such as Europe/Vienna") from None
    return value


ZoneName = Annotated[str, AfterValidator(_as_zone)]


def _as_handle(value: str) -> str:
    provider, slash, name = value.partition("/")
    if provider and slash and name and not any(c.isspace() for c in value):
        return value
    raise must_be('a handle such as "openai/gpt-4o-mini"')


ModelHandle = Annotated[str, AfterValidator(_as_handle)]
"""The name of a language model on a Letta server: provider/name."""


def _is_number(annotation: object) -> bool:
    """Say whether the type is int, float, or one of them that may be missing."""
    return any(kind in (int, float) for kind in (annotation, *get_args(annotation)))


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches what listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _home_expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise must_be("a folder; the home directory that it names is not known") from None


def _database_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    scheme = text.partition("://")[0]
    file = text.removeprefix("sqlite:///")
    is_file = scheme == "sqlite" and file not in (text, "", ":memory:")
    if is_file or (scheme in ("postgres", "postgresql") and _has_host(text)):
        return url
    raise must_be("sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")


def _http_url(url: str) -> str:
    return checked_url(url, ("http", "https"))


def _ws_url(url: str) -> str:
    return checked_url(url, ("ws", "wss"))


def _letta_url(url: str) -> str:
    return checked_url(url, ("http", "https", "ws", "wss"))


def checked_url(url: str, schemes: tuple[str, ...]) -> str:
    """Return the address without a slash at its end, if it is one of a server."""
    is_plain = url.isprintable() and " " not in url
    if is_plain and url.partition("://")[0] in schemes and _has_host(url):
        return url.rstrip("/")
    *others, last = (f"{scheme}://" for scheme in schemes)
    raise must_be(f"an address that starts with {', '.join(others)} or {last}")


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _public_key(key: str) -> str:
    if len(key) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in key):
        return key.lower()
    raise must_be("the 64 hexadecimal digits that Discord shows as the application's public key")


def _snowflake(number: str) -> str:
    if number.isascii() and number.isdigit():
        return number
    raise must_be("the digits that Discord shows as the application's id")


def _identity_key(key: str) -> str:
    parts = key.strip().split(":", 2)
    if len(parts) == 3 and all(parts) and parts[0] in PLATFORMS and not is_circle(key):
        return key.strip()
    raise must_be('platform:workspace:user, such as "discord:discord:80351110224678912"')


def _who(key: str) -> str:
    key = key.strip()
    if key.startswith("@"):
        return f"@{_role(key[1:])}"
    if not is_circle(key):
        return _identity_key(key)
    try:
        return Circle.parse(key).key
    except ValueError:
        raise must_be(
            'platform:workspace:user, discord:SERVER:@ROLE, slack:TEAM:@USERGROUP, or "@" and the '
            "name of one of [[circles]]"
        ) from None


_CHANNEL = r"discord:\d+(:\d+)?|slack:[TE][A-Z0-9]*(:[CG][A-Z0-9]*)?"
_BELOW_OR_ABOVE = r"discord(:\d+:\d+:\d+)?|slack(:[TE][A-Z0-9]*:[CG][A-Z0-9]*:\d+\.\d+)?|\*"
_DIRECT = "who may talk in direct messages is said by access.discord, access.slack and access.web"


def _door(key: str) -> str:
    if re.fullmatch(_CHANNEL, key.strip()):
        return key.strip()
    raise must_be(
        f'a place, such as "discord:SERVER" or "slack:TEAM:CHANNEL", by its ids; {_DIRECT}'
    )


def _place_key(key: str) -> str:
    if re.fullmatch(f"{_CHANNEL}|{_BELOW_OR_ABOVE}", key.strip()):
        return key.strip()
    raise must_be(
        'a place such as "discord:SERVER:CHANNEL", by its ids, a beginning of one, or "*"; '
        f"{_DIRECT}"
    )


_TAKEN = ("all", "commands")
"""`@all` speaks to every agent, and commands have a lane of their own."""


def _role(name: str) -> str:
    if name in _TAKEN:
        raise must_be(f'a name of its own; "{name}" is taken')
    is_plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if is_plain and name == name.lower() and len(name) <= 40:
        return name
    raise must_be("at most 40 lower-case letters, digits, - and _")


def _prompt(text: str) -> str:
    if text.strip():
        return text.strip()
    raise must_be("a text with something in it")


def _artifacts_url(url: str) -> str:
    scheme, found, rest = url.partition("://")
    if not found:
        return str(_home_expanded(Path(url)))
    bucket = rest.partition("/")[0]
    is_plain = bucket.isascii() and bucket.replace("-", "").replace(".", "").isalnum()
    if scheme in ("s3", "modal") and is_plain and rest.isprintable():
        return url.rstrip("/")
    raise must_be("a folder, s3://BUCKET/PREFIX, or modal://VOLUME/FOLDER")


def _place_part(part: str) -> str:
    try:
        return Conversation("any", "any", part.strip()).channel
    except ValueError:
        raise must_be("an id as it stands in a conversation's, such as C0123ABC") from None


def _place(readable: str) -> str:
    try:
        conversation = Conversation.parse(readable.strip())
    except ValueError:
        raise must_be('a conversation, such as "discord:dm:99" or "slack:T1:C2:171.5"') from None
    if conversation.platform not in PLATFORMS:
        raise must_be(f"a conversation on one of {', '.join(PLATFORMS)}")
    return conversation.id


def _hook_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) >= 16:
        return secret
    raise must_be("a text of at least 16 characters")


Folder = Annotated[Path, AfterValidator(_home_expanded)]
"""A directory; `~` is the home directory, and a relative one starts at the working directory."""

DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
"""Secret, because of the password in it."""

ArtifactsUrl = Annotated[str, AfterValidator(_artifacts_url)]
"""A folder, a Modal Volume with where it is mounted, or an S3 bucket with a prefix."""

HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""Kept without a slash at its end."""

LettaUrl = Annotated[str, AfterValidator(_letta_url)]
"""REST behind http, the App Server behind ws."""

WsUrl = Annotated[str, AfterValidator(_ws_url)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Snowflake = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_snowflake)]
IdentityKey = Annotated[str, AfterValidator(_identity_key)]
Who = Annotated[str, AfterValidator(_who)]
"""An account, a circle of a platform, or the name of one of the settings' own."""

Door = Annotated[str, AfterValidator(_door)]
"""A workspace, or a channel with all its threads."""

PlaceKey = Annotated[str, AfterValidator(_place_key)]
"""A platform, a workspace, a channel, a thread, or `*` for all of them."""

Place = Annotated[str, AfterValidator(_place)]
PlacePart = Annotated[str, AfterValidator(_place_part)]
HookSecret = Annotated[SecretStr, AfterValidator(_hook_secret)]
RoleName = Annotated[str, AfterValidator(_role)]
Prompt = Annotated[str, AfterValidator(_prompt)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
SomeSeconds = Annotated[float, Field(gt=0, le=86_400)]
Age = Annotated[float, Field(ge=0, le=30 * 86_400)]
"""Seconds; 0 where it does not matter how old something is."""
