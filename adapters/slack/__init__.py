"""Slack as a platform, over slack-bolt: events and commands in, messages and streams out."""
