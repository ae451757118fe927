"""`postern chat`: a conversation with the agent in the terminal."""

from __future__ import annotations

from gateway.cli.loading import load


def chat() -> None:
    """Talk with your agent here. Uses the running gateway, or starts one of its own."""
    settings = load()

    from gateway import bootstrap

    bootstrap.run_chat(settings)
