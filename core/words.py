"""Sentences for people that carry what a translator needs.

The packages below the web know no catalogue. A sentence with values in it is made as a Text: to logs, the
database, JSON and the command line it is the English str it looks like; webapp/texts.py says it in the
language of the person from its template and values.

    N_("%(who)s closed this ticket already", who=ticket.closed_by)

`make texts` finds N_ with one literal. Constant words of an error (core.errors) are found without it.
docs/texts.md has the whole of it.
"""

from typing import Any, Self


class Text(str):
    """A sentence in English that knows its template (`%(name)s` for a value) and its values."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Self:
        """Fill the template; without values it stands as it is, percent signs too."""
        made = super().__new__(cls, template % values if values else template)
        made.template, made.values = template, values
        return made


def N_(template: str, /, **values: Any) -> str:  # noqa: N802 - the name that translators' tools look for
    """Return the sentence of a template and its values, marked for the catalogues."""
    return Text(template, **values)
