"""Imports discord.py once, past the warning it gives on Python 3.11 and 3.12 (audioop)."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import discord as discord
