"""A file that somebody sends at a door is given to their agent, which looks things up in it."""

from __future__ import annotations

from pathlib import Path

from tests.platforms.discord_server.state import Upload
from tests.platforms.test_three_doors import house

GUIDE = "The harbour of Atlantis opens at nine.\n"
ASK = 'call semantic_search_files {"query": "Atlantis harbour"}'


async def test_a_file_is_given_and_searched_at_every_door(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        ada = home.discord.person("ada")
        ada.dm("Look.", files=[Upload("guide.md", GUIDE.encode(), "text/markdown")])
        await home.discord.until(lambda: home.discord.said_by_bot(ada.dm_channel))
        by_discord = await home.on_discord("/files add guide.md")
        found_on_discord = await home.on_discord(ASK)

        eve = home.slack.person("ada")
        eve.shares_file(eve.dm_channel, "plan.md", GUIDE.encode(), text="Look.")
        await home.slack.until(lambda: home.slack.said_by_app(eve.dm_channel))
        by_slack = await home.on_slack("/files add")
        found_on_slack = await home.on_slack(ASK)

        await home.on_the_web("Hello.")
        await home.on_the_web(f'call save_file {{"name": "web.md", "text": "{GUIDE.strip()}"}}')
        by_web = await home.on_the_web("/files add web.md")
        found_on_the_web = await home.on_the_web(ASK)
        listed = await home.on_the_web("/files")

    assert "`guide.md` from now on" in by_discord
    assert "`plan.md` from now on" in by_slack
    assert "`web.md` from now on" in by_web
    for found in (found_on_discord, found_on_slack, found_on_the_web):
        assert "opens at nine" in found
    assert "`web.md` (38 bytes): ready" in listed
    assert "guide.md" not in listed
