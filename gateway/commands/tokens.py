"""The command by which people give tokens to their programs, list them, and revoke them."""

from __future__ import annotations

import secrets

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach, first_word
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.tokens import MOST_TOKENS, TokenOffer, hash_secret, new_code

LONGEST_LABEL = 60
USAGE = (
    "`/token new LABEL` gives one to a program of yours, `/token revoke ID` ends it, and `/token` "
    "lists what you have."
)


async def _token(asked: Asked, reach: Reach) -> str:
    if not asked.is_private:
        return ELSEWHERE
    verb, rest = first_word(asked.arguments)
    match verb.lower():
        case "":
            return await _list(asked, reach)
        case "new":
            return await _offer(asked, reach, " ".join(rest.split()))
        case "revoke":
            return await _revoke(asked, reach, rest)
        case _:
            return f"I did not understand that. {USAGE}"


async def _list(asked: Asked, reach: Reach) -> str:
    tokens = await reach.store.tokens.of_person(asked.person)
    if not tokens:
        return f"No program has a token of yours. {USAGE}"
    return "\n".join(
        f"- `{token.id}` {token.label}: made {token.made_at:%Y-%m-%d %H:%M} UTC, speaks for "
        f"`{token.account.key}`"
        for token in tokens
    )


async def _offer(asked: Asked, reach: Reach, label: str) -> str:
    if len(label) > LONGEST_LABEL:
        return f"A label has at most {LONGEST_LABEL} characters."
    code = new_code()
    offer = TokenOffer(
        id=f"tok-{secrets.token_hex(5)}",
        account=asked.message.sender.identity,
        label=label,
        code_hash=hash_secret(code),
        asked_at=reach.clock.now(),
    )
    if not await reach.store.tokens.offer(offer):
        return f"You have {MOST_TOKENS} tokens and codes; `/token revoke ID` ends one."
    return (
        f"The code for `{offer.id}` is `{code}`. Within ten minutes, and once, `POST /tokens` of "
        'this gateway with `{"code": "…"}` gives the token for it.\n\n'
        "Whoever has the token reads and writes here as you, so give the code to nobody."
    )


async def _revoke(asked: Asked, reach: Reach, token: str) -> str:
    if await reach.store.tokens.revoke(asked.person, token, reach.clock.now()):
        return f"The token `{token}` is good for nothing any more."
    return f'You have no token "{token[:40]}". `/token` lists them.'


FAMILY = (
    Command(
        CommandSpec(
            "token",
            "Tokens by which programs of yours speak for you",
            (CommandArgument("text", "new LABEL, or revoke ID; nothing lists them"),),
        ),
        _token,
    ),
)
