"""Commands that join two accounts to one person, and separate them again."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.links import Linked, LinkOffer, LinkRefused, UnlinkRefused
from gateway.domain.people import Identity
from gateway.rights.pairing_codes import hash_code, new_code, read_code

ELSEWHERE = "This is between you and me: write it to me in a direct message."
NOT_A_CODE = '"{typed}" is not a code. `/link` on your other account shows one, such as ABCD2345.'
TOO_MANY_CODES = "You were shown many codes already. Wait ten minutes, then ask for a new one."

_REFUSALS = {
    LinkRefused.NO_SUCH_CODE: (
        "There is no such code. It was used, or its ten minutes are over: `/link` on your other "
        "account shows a new one."
    ),
    LinkRefused.SAME_ACCOUNT: (
        "This code was shown to this very account. Type it on the other one, which is to share "
        "the memory of this one."
    ),
    LinkRefused.LINKED_ALREADY: "These two accounts are one person already.",
    LinkRefused.HAS_OTHERS: (
        "This account is linked to others already. `/unlink` there separates them; or ask for a "
        "code here, and type it on the account that is to join."
    ),
    LinkRefused.TOO_MANY_TRIES: "These were too many wrong codes. Wait ten minutes.",
}


async def _link(asked: Asked, reach: Reach) -> str:
    if not asked.is_private:
        return ELSEWHERE
    if not asked.arguments:
        return await _show_code(asked, reach)
    code = read_code(asked.arguments)
    if code is None:
        return NOT_A_CODE.format(typed=asked.arguments[:40])
    account, now = asked.message.sender.identity, reach.clock.now()
    linked = await reach.store.links.link(hash_code(code), account, now)
    if isinstance(linked, LinkRefused):
        return _REFUSALS[linked]
    await _tell_the_other(linked, account, reach)
    return _told(linked)


async def _show_code(asked: Asked, reach: Reach) -> str:
    code = new_code()
    offer = LinkOffer(
        identity=asked.message.sender.identity,
        conversation=asked.turn.conversation.id,
        code_hash=hash_code(code),
        asked_at=reach.clock.now(),
    )
    if not await reach.store.links.offer(offer):
        return TOO_MANY_CODES
    return (
        f"Your code is **{code}**. Write `/link {code}` to me on your other account within ten "
        "minutes: it then shares the agents and the memory of this one.\n\n"
        "Whoever types this code becomes you, so show it to nobody."
    )


async def _tell_the_other(linked: Linked, account: Identity, reach: Reach) -> None:
    """Say it where the code was shown, once: that account shares its memory now."""
    place = Conversation.parse(linked.offer.conversation)
    if not place.is_direct:
        return
    notice = NewDelivery(
        id=DeliveryId(f"linked-{linked.offer.code_hash[:24]}"),
        conversation=place,
        text=(
            f"The account `{account.key}` typed your code: it shares your agents and your memory "
            "now. If that was not you, tell the operator of this bot."
        ),
    )
    await reach.store.deliveries.enqueue([notice], reach.clock.now())


def _told(linked: Linked) -> str:
    done = (
        f"This account and `{linked.offer.identity.key}` are one person now, with one memory: "
        "from here on you talk to the agents of that account."
    )
    if not linked.resting:
        return f"{done} `/unlink` separates them again."
    names = ", ".join(f"`{binding.role}`" for binding in linked.resting)
    return f"{done}\n\nThe agents that you had here ({names}) rest; `/unlink` brings them back."


async def _unlink(asked: Asked, reach: Reach) -> str:
    if not asked.is_private:
        return ELSEWHERE
    account, now = asked.message.sender.identity, reach.clock.now()
    match await reach.store.links.unlink(account, now):
        case UnlinkRefused.NOT_LINKED:
            return "This account is linked to no other."
        case UnlinkRefused.IS_FIRST:
            others = await reach.store.people.identities(asked.person)
            names = ", ".join(f"`{each.key}`" for each in others if each != account)
            return f"The memory is that of this account. `/unlink` on the others instead: {names}."
        case _:
            return (
                "This account stands for itself again, with the agents that it had before it was "
                "linked. What it said meanwhile stays with the agents that heard it."
            )


FAMILY = (
    Command(
        CommandSpec(
            "link",
            "Join this account and another one of yours to one memory",
            (CommandArgument("code", "The code that your other account was shown"),),
        ),
        _link,
    ),
    Command(CommandSpec("unlink", "Separate this account from your others again"), _unlink),
)
