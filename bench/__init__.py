"""Figures, each printed beside the raw limit measured in the same run."""
