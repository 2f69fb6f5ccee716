"""Watching: graphs of what was measured, and who is down."""
