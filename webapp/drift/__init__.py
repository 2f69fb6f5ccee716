"""Drift: where the network does otherwise than is wanted, and its repair."""
