"""The catalogues of texts, and the tool that keeps them: `make texts`, see docs/texts.md."""
