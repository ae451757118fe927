"""Against servers that somebody started: opt-in, collected only when the environment names one."""
