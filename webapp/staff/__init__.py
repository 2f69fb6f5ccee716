"""Staff: signing in and out, one's own password and sessions, who works here and what they may."""
