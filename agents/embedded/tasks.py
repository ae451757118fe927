"""Tasks that accompany a context, without changing what its body raises."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


@asynccontextmanager
async def companions() -> AsyncGenerator[asyncio.TaskGroup]:
    """A TaskGroup for the tasks beside the body; the body must have ended them when it leaves.

    A bare TaskGroup wraps the body's own error in an ExceptionGroup, where nobody who waits
    for that error finds it. Errors of the tasks still come as a group.
    """
    own: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        try:
            yield tasks
        except Exception as error:  # noqa: BLE001 - raised again below, outside of the group
            own = error
    if own is not None:
        raise own
