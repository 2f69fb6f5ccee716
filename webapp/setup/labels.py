"""Groups and marks."""

from dataclasses import dataclass

from flask import Response, url_for
from flask_babel import gettext

from registry import in_use, labels
from registry.models import Group, Mark
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.forms import GroupForm, MarkForm

COLOUR = "#5b6b7b"


@dataclass(frozen=True, slots=True)
class LabelsPage:
    """The groups and the marks, each with how many customers have it."""

    groups: tuple[tuple[Group, int], ...]
    marks: tuple[tuple[Mark, int], ...]


@permissions.required("setup.view")
def listing() -> Response:
    """List groups and marks."""
    with runtime.current().database.reading() as session:
        members, having = labels.member_counts(session), labels.mark_counts(session)
        found = LabelsPage(
            tuple((group, members.get(group.id, 0)) for group in labels.groups(session)),
            tuple((mark, having.get(mark.id, 0)) for mark in labels.marks(session)),
        )
    return rendering.page_or_fragment("setup/labels.html", "setup/labels.html", found=found)


@permissions.required("setup.change")
def add_group() -> Response:
    """Add a group."""
    form = GroupForm()
    if form.accept(lambda: _save_group(None, form)):
        rendering.say(gettext("The group is added."))
        return rendering.go("setup.labels")
    return pages.show(pages.Frame(gettext("Add a group"), form.ROWS, url_for("setup.labels")), form)


@permissions.required("setup.change")
def edit_group(group_id: int) -> Response:
    """Change a group."""
    with runtime.current().database.reading() as session:
        group, users = labels.get_group(session, group_id), in_use.count(session, "group", group_id)
    form = GroupForm(obj=group)
    if form.accept(lambda: _save_group(group_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.labels")
    removal = pages.Removal(url_for("setup.remove_group", group_id=group_id), group.name, users)
    return pages.show(pages.Frame(group.name, form.ROWS, url_for("setup.labels"), removal=removal), form)


def _save_group(group_id: int | None, form: GroupForm) -> None:
    values = {"name": form.name.data or "", "description": form.description.data or ""}
    with runtime.current().database.transaction() as session:
        if group_id is None:
            labels.create_group(session, identity.actor(), **values)
        else:
            labels.change_group(session, identity.actor(), group_id, **values)


@permissions.required("setup.change")
def remove_group(group_id: int) -> Response:
    """Remove a group nobody is in."""
    return pages.remove(
        lambda session: labels.remove_group(session, identity.actor(), group_id),
        stay_url=url_for("setup.edit_group", group_id=group_id),
        endpoint="setup.labels",
    )


@permissions.required("setup.change")
def add_mark() -> Response:
    """Add a mark."""
    form = MarkForm(colour=COLOUR)
    if form.accept(lambda: _save_mark(None, form)):
        rendering.say(gettext("The mark is added."))
        return rendering.go("setup.labels")
    return pages.show(pages.Frame(gettext("Add a mark"), form.ROWS, url_for("setup.labels")), form)


@permissions.required("setup.change")
def edit_mark(mark_id: int) -> Response:
    """Change a mark."""
    with runtime.current().database.reading() as session:
        mark, users = labels.get_mark(session, mark_id), in_use.count(session, "mark", mark_id)
    form = MarkForm(obj=mark)
    if form.accept(lambda: _save_mark(mark_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.labels")
    removal = pages.Removal(url_for("setup.remove_mark", mark_id=mark_id), mark.name, users)
    return pages.show(pages.Frame(mark.name, form.ROWS, url_for("setup.labels"), removal=removal), form)


def _save_mark(mark_id: int | None, form: MarkForm) -> None:
    values = {"name": form.name.data or "", "colour_text": form.colour.data or ""}
    with runtime.current().database.transaction() as session:
        if mark_id is None:
            labels.create_mark(session, identity.actor(), **values)
        else:
            labels.change_mark(session, identity.actor(), mark_id, **values)


@permissions.required("setup.change")
def remove_mark(mark_id: int) -> Response:
    """Remove a mark nobody has."""
    return pages.remove(
        lambda session: labels.remove_mark(session, identity.actor(), mark_id),
        stay_url=url_for("setup.edit_mark", mark_id=mark_id),
        endpoint="setup.labels",
    )
