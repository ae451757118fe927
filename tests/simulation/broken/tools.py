"""Tool calls: who is asked, and what is remembered of them, each broken in one way."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from gateway.domain.tools import ToolCall
from gateway.domain.turns import (
    TurnRef,
)
from gateway.ports import Store, TurnStore
from tests.simulation.broken.inside import Passing
from tests.simulation.worker import APPROVALS, Build, WorkerStore


class AsksNobody(Build):
    """What needs a yes is carried out at once."""

    approvals = replace(APPROVALS, tools=frozenset[str]())


class ForgetsWhatItBegan(Build):
    """That a call was begun is not written down before it is made."""

    def worker_store(self, store: WorkerStore) -> Store:
        class Careless(Passing):
            async def intend_tool_call(self, turn: TurnRef, call: ToolCall) -> None:
                """Do nothing."""

        store.turns = cast("TurnStore", Careless(store.turns))
        return store
