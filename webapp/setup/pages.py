"""What the setup pages share: the frame of a form, a removal that may be refused, short lists in order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flask import Response, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from core import errors
from registry import keyset, line_gates, paging
from webapp import asked, rendering, runtime
from webapp.forms import Form

PAGE = 50
# So many rows are seen at a glance.
FEW = 10

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


@dataclass(frozen=True, slots=True)
class Short(Generic[Row]):
    """A page of a list that is read whole; `fitting` is what the text left of it, `total` all of it."""

    rows: list[Row]
    sort: str
    text: str
    next: str | None
    fitting: int
    total: int

    @property
    def has_search(self) -> bool:
        """Whether there is so much that one looks for a row."""
        return self.total > FEW or bool(self.text)


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


def short_list(
    rows: Iterable[Row],
    keys: Mapping[str, Callable[[Row], Any]],
    usual: str,
    *,
    id_of: Callable[[Row], int],
    words_of: Callable[[Row], Iterable[str]],
) -> Short[Row]:
    """Return the page of a list that is read whole: what the URL's `q` finds, in the order of its `sort`.

    Rows without a value (None) stand last either way. A row that went away meanwhile begins the list anew.
    """
    known, text = list(rows), asked.text()
    sort = keyset.order(request.args.get("sort", ""), keys, usual)
    wanted = text.casefold().split()
    fitting = [row for row in known if _has(" ".join(words_of(row)).casefold(), wanted)]
    key = keys[sort.removeprefix("-")]
    full = sorted((row for row in fitting if key(row) is not None), key=key, reverse=sort.startswith("-"))
    ordered = full + [row for row in fitting if key(row) is None]
    mark = paging.read(request.args.get("after"), sort, (int,))
    places = {id_of(row): place for place, row in enumerate(ordered)}
    begin = places.get(int(mark.values[0]), -1) + 1 if mark else 0
    shown = ordered[begin : begin + PAGE]
    following = None
    if begin + PAGE < len(ordered):
        following = paging.write(paging.Cursor(sort, is_back=False, values=(id_of(shown[-1]),)))
    return Short(shown, sort, text, following, len(ordered), len(known))


def _has(text: str, wanted: Iterable[str]) -> bool:
    return all(word in text for word in wanted)


def show_list(template: str, found: Short[Any], **context: Any) -> Response:
    """Show the page of a short list."""
    return rendering.page_or_fragment(
        template, template, rows=found.rows, sort=found.sort, found=found, **context
    )


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
