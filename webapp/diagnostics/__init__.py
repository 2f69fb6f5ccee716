"""Diagnostics: the block of the card, the runs and their live stream."""
