"""Endpointing: whether the speaker has finished the turn."""
