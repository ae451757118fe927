from tests.unit.gateway.cli.terminal import Terminal


def test_discord_is_told_in_numbered_steps_with_the_link(postern: Terminal) -> None:
    seen = postern.types("manifest", "discord", DISCORD_APPLICATION_ID="1234")

    assert seen.code == 0
    assert seen.out.startswith("1. Open https://discord.com/developers/applications")
    assert "https://discord.com/oauth2/authorize?client_id=1234&" in seen.out


def test_discord_as_json_is_for_scripts(postern: Terminal) -> None:
    seen = postern.types("manifest", "discord", "--json", POSTERN_DISCORD__MESSAGE_CONTENT="false")

    assert seen.json["invite_url"] is None
    assert seen.json["privileged_intents"] == []


def test_slack_is_told_in_steps_and_with_the_manifest(postern: Terminal) -> None:
    seen = postern.types("manifest", "slack")

    assert seen.out.startswith("1. Open https://api.slack.com/apps")
    assert '"socket_mode_enabled": true' in seen.out


def test_slack_as_json_is_the_manifest_alone(postern: Terminal) -> None:
    url = "https://chat.example.com"
    seen = postern.types("manifest", "slack", "--json", POSTERN_HTTP__PUBLIC_URL=url)

    assert seen.json["settings"]["event_subscriptions"]["request_url"] == f"{url}/slack/events"
    assert "cancel" in seen.json["features"]["slash_commands"][1]["usage_hint"]
