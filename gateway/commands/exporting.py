"""The command that gives people all that is kept of them."""

from __future__ import annotations

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach, Told
from gateway.commands.export_file import Exported, export
from gateway.commands.owned import exports_of, files_in
from gateway.domain.artifacts import Attachment
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.ports import ArtifactStore

NO_FILES = "Nothing can be given out here: this gateway keeps no files."
BY_ITSELF = "Somebody else asked for something at the same moment. Say `/export` again."
HOW = "`/export` gives you all; `/export NUMBER` goes on where an earlier one said that it ended."


async def _export(asked: Asked, reach: Reach) -> str | Told:
    if not asked.is_private:
        return ELSEWHERE
    if reach.artifacts is None:
        return NO_FILES
    if len({each.sender.identity for each in asked.turn.messages}) > 1:
        return BY_ITSELF
    words = asked.arguments
    if words and not (words.isascii() and words.isdecimal() and len(words) < 19):
        return HOW
    made = await export(asked, reach, int(words) if words else None)
    file = await _keep(made, asked, reach, reach.artifacts)
    await reach.store.personal.exported(asked.person, asked.message.otid, reach.clock.now())
    return Told(_sentence(made), (file,))


async def _keep(made: Exported, asked: Asked, reach: Reach, artifacts: ArtifactStore) -> Attachment:
    """Keep the archive in the place of earlier ones.

    Its name is made from the command's moment, so that a repeat makes the same file.
    """
    name = f"postern-{asked.message.sent_at:%Y-%m-%d-%H%M%S}.zip"
    folder = exports_of(asked.person)
    key = f"{folder}/{name}"
    async for old in files_in(folder, reach):
        if old.key != key:
            await artifacts.delete(old.key)
    saved = await artifacts.save(key, made.data, "application/zip")
    return Attachment(name, saved.media_type, saved.size_bytes, key)


def _sentence(made: Exported) -> str:
    older = (
        f" Older messages did not fit: `/export {made.before}` gives them to you."
        if made.before is not None
        else ""
    )
    files = f" {made.left_out} large files are named in it alone." if made.left_out else ""
    return (
        f"This is all that is kept of you: {made.messages:,} messages and answers, your agents' "
        f"memory, notes, schedules, accounts and files.{files}{older}"
    )


FAMILY = (
    Command(
        CommandSpec(
            "export",
            "Get all that is kept of you, as one file",
            (CommandArgument("older", "The number that an earlier export ended with"),),
        ),
        _export,
    ),
)
