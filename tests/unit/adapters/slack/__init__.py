"""Tests of the Slack adapter's pure parts."""
