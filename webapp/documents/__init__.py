"""Page area: documents: the list, one with its PDF, and what is done with it."""
