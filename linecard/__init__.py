"""DOOR: the command that starts, checks and looks after the product."""
