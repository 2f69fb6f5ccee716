"""What a list is asked for, as it stands in the URL; what is none of a filter's values narrows nothing."""

from collections.abc import Container
from datetime import date

from flask import request

MOST_TEXT = 80


def text(name: str = "q") -> str:
    """Return what is looked for: without spaces around, and no longer than anything we keep is called."""
    return request.args.get(name, "").strip().replace("\0", "")[:MOST_TEXT]


def word(name: str, known: Container[str]) -> str:
    """Return one of the words there are to choose from, else nothing."""
    found = request.args.get(name, "")
    return found if found in known else ""


def day(name: str) -> date | None:
    """Return a day; none for anything that is no day."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def number(name: str, *, digits: int = 18) -> int | None:
    """Return a number of so many digits at most, such as an id; none for anything else."""
    found = request.args.get(name, "")
    return int(found) if found.isascii() and found.isdecimal() and len(found) <= digits else None
