"""WORK: tickets on customers."""
