"""In place: notes and files."""

from flask import Response
from flask_babel import gettext

from registry import equipment, files, notes
from webapp import identity, permissions, runtime
from webapp.customers import answers
from webapp.customers.edit_forms import FileForm, NoteForm

MIB = 1024 * 1024


@permissions.required("note.write")
def note(customer_id: int, item_id: int | None = None) -> Response:
    """Write or change a note."""
    with runtime.current().database.reading() as session:
        item = notes.get(session, customer_id, item_id) if item_id else None
        devices = equipment.of_customer(session, customer_id)
    form = NoteForm(obj=item)
    form.device_id.choices = [
        ("", gettext("the customer")),
        *((device.id, device.name) for device in devices),
    ]
    if form.accept(lambda: _save_note(customer_id, item_id, form)):
        return answers.saved(customer_id, "notes", gettext("The note is saved."))
    title = gettext("Edit a note") if item else gettext("Write a note")
    return answers.show(customer_id, "notes", title, form, "note", is_new=item is None)


def _save_note(customer_id: int, item_id: int | None, form: NoteForm) -> None:
    content, is_urgent = form.content.data or "", form.is_urgent.data
    with runtime.current().database.transaction() as session:
        actor = identity.actor()
        if item_id is not None:
            notes.change(session, actor, customer_id, item_id, content=content, is_urgent=is_urgent)
        else:
            device_id = form.device_id.data
            notes.add(session, actor, customer_id, content=content, is_urgent=is_urgent, device_id=device_id)


@permissions.required("note.write")
def remove_note(customer_id: int, item_id: int) -> Response:
    """Remove a note; history keeps its text."""
    with runtime.current().database.transaction() as session:
        notes.remove(session, identity.actor(), customer_id, item_id)
    return answers.saved(customer_id, "notes", gettext("The note is removed."))


@permissions.required("file.add")
def file(customer_id: int) -> Response:
    """Keep a file with the customer."""
    form = FileForm()
    if form.accept(lambda: _save_file(customer_id, form)):
        return answers.saved(customer_id, "files", gettext("The file is kept."))
    limit = runtime.current().settings.data.upload_limit_mb
    return answers.show(customer_id, "files", gettext("Add a file"), form, "file", limit_mb=limit)


def _save_file(customer_id: int, form: FileForm) -> None:
    found = runtime.current()
    limit_bytes = found.settings.data.upload_limit_mb * MIB
    upload = form.file.data
    content = upload.stream.read(limit_bytes + 1)
    with found.database.transaction() as session:
        files.store(
            session,
            identity.actor(),
            customer_id,
            name=upload.filename or "",
            content=content,
            limit_bytes=limit_bytes,
        )


@permissions.required("file.remove")
def remove_file(customer_id: int, item_id: int) -> Response:
    """Remove a file for good; history keeps its name and hash."""
    with runtime.current().database.transaction() as session:
        files.remove(session, identity.actor(), customer_id, item_id)
    return answers.saved(customer_id, "files", gettext("The file is removed."))
