"""What the setup pages share: the frame of a form, a removal that may be refused, short lists in order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Response, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from core import errors
from registry import line_gates
from webapp import rendering, runtime
from webapp.forms import Form

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Removal:
    """The way to remove what a form changes; `users` stand in its way, `refusal` says another reason."""

    url: str
    name: str
    users: Mapping[str, int] = field(default_factory=dict)
    refusal: str = ""
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A page with one form: its rows of fields, where it leads back to, what stands above and below."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    back_url: str
    note: str = ""
    removal: Removal | None = None
    submit: str = ""


def show(frame: Frame, form: Form, template: str = "setup/form.html", **context: Any) -> Response:
    """Show the page of a form; 422 when it was refused."""
    return rendering.page_or_fragment(template, template, form.status, frame=frame, form=form, **context)


def remove(act: Callable[[Session], None], *, stay_url: str, endpoint: str, **values: Any) -> Response:
    """Remove something in one transaction and go to the list; refused, say why and stay."""
    try:
        with runtime.current().database.transaction() as session:
            act(session)
    except errors.Conflict as error:
        rendering.say(error.message, "bad")
        return rendering.go_to(stay_url)
    rendering.say(gettext("Removed."))
    return rendering.go_to(url_for(endpoint, **values))


def in_order(
    rows: Iterable[Row], keys: Mapping[str, Callable[[Row], Any]], usual: str
) -> tuple[list[Row], str]:
    """Return the rows in the order of the URL's `sort`, a minus before it falling, and that order's name.

    Rows without a value (None) stand last either way.
    """
    sort = request.args.get("sort", usual)
    if sort.removeprefix("-") not in keys:
        sort = usual
    key = keys[sort.removeprefix("-")]
    known = list(rows)
    full = [row for row in known if key(row) is not None]
    empty = [row for row in known if key(row) is None]
    return sorted(full, key=key, reverse=sort.startswith("-")) + empty, sort


def optional_id(value: Any) -> int | None:
    """Read an id out of a select in which one choice means: none."""
    return int(value) if value not in (None, "", "None") else None


def offer(rows: Iterable[tuple[int, str]], nothing: Any = None) -> list[tuple[Any, Any]]:
    """Return the choices of a select: nothing chosen, then the rows."""
    return [("", nothing or gettext("none")), *((key, words) for key, words in rows)]


def gates_to_choose() -> list[tuple[Any, Any]]:
    """Return the choices of a gate: none chosen, then every gate."""
    with runtime.current().database.reading() as session:
        return offer((gate.id, gate.name) for gate in line_gates.list_all(session))
