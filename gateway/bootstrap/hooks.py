"""The addresses at which other systems wake agents."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from gateway.bootstrap.choices import routes
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Wakeup
from gateway.inbox import Inbox
from gateway.ports import Clock, Store
from gateway.rights.access import Access
from gateway.settings import HookSettings, Settings


def make_hooks(
    settings: Settings, store: Store, access: Access, inbox: Inbox, clock: Clock
) -> APIRouter:
    """Return the routes of all hooks of the settings."""
    from adapters.api.hooks import Hook, HookParts, make_hook_router
    from scheduler.owners import allowed_owner

    hooks = {
        hook.name: Hook(hook.name, hook.secret.get_secret_value(), _wakeup(hook))
        for hook in settings.hooks
    }
    owner = partial(allowed_owner, people=store.people, rights=access, routing=routes(settings))
    return make_hook_router(HookParts(hooks, inbox.wake, owner, clock))


def _wakeup(hook: HookSettings) -> Wakeup:
    owner = None
    if hook.owner is not None:
        identity = Identity(*hook.owner.split(":", 2))
        owner = Sender(identity, identity.user)
    return Wakeup(Conversation.parse(hook.to), owner, hook.prompt, hook.agent)
