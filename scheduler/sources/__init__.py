"""Data sources of wakeups: what is new in them since an agent looked last."""

from scheduler.sources.briefing import SourceBriefing
from scheduler.sources.guarded import FetchOptions, GuardedFetch

__all__ = ["FetchOptions", "GuardedFetch", "SourceBriefing"]
