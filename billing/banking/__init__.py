"""Bank statements: read in any of three formats, kept as lines, booked, undone."""
