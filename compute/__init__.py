"""Muscle: functions and tasks on Modal or in a local sandbox."""
