"""Groups, marks, notes and files of a customer."""

import pytest

from core import errors
from registry import audit, customers, device_types, equipment, files, labels, notes
from registry.models import DeviceRole

OLENA = audit.Actor(None, "Olena")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def person(session, last_name="Коваль"):
    return customers.create(session, OLENA, currency="EUR", last_name=last_name)


def acts(session, customer):
    return [event.action for event in audit.of_customer(session, customer.id)]


@pytest.mark.parametrize("name", ["", "two words", "a/b", "x" * 61])
def test_a_group_name_fits_the_jobs_that_use_it(session, name):
    with pytest.raises(errors.Invalid) as caught:
        labels.create_group(session, OLENA, name=name)
    assert "name" in caught.value.fields


def test_groups_and_marks_are_set_as_a_whole_and_audited_by_name(session):
    olha = person(session)
    vip = labels.create_group(session, OLENA, name="vip")
    debt = labels.create_group(session, OLENA, name="old_debt-1")
    mark = labels.create_mark(session, OLENA, name="VIP", colour_text="#AA0000")
    labels.set_groups(session, OLENA, olha.id, [vip.id])
    labels.set_groups(session, OLENA, olha.id, [debt.id])
    labels.set_groups(session, OLENA, olha.id, [debt.id])
    labels.set_marks(session, OLENA, olha.id, [mark.id])
    assert labels.member_counts(session) == {debt.id: 1}
    events = audit.of_customer(session, olha.id)
    assert [event.action for event in events[:3]] == ["customer.marks", "customer.groups", "customer.groups"]
    assert events[1].changes == {"groups": [["vip"], ["old_debt-1"]]}
    assert [group.name for group in labels.groups(session)] == ["old_debt-1", "vip"]
    assert [found.colour for found in labels.marks(session)] == ["#aa0000"]


def test_labels_are_unique_and_must_exist(session):
    labels.create_group(session, OLENA, name="vip")
    labels.create_mark(session, OLENA, name="VIP", colour_text="#000000")
    for call in (
        lambda: labels.create_group(session, OLENA, name="vip"),
        lambda: labels.create_mark(session, OLENA, name="VIP", colour_text="#000000"),
        lambda: labels.create_mark(session, OLENA, name="", colour_text="#000000"),
        lambda: labels.create_mark(session, OLENA, name="B", colour_text="black"),
        lambda: labels.set_groups(session, OLENA, person(session).id, [99]),
    ):
        with pytest.raises(errors.Invalid):
            call()
    with pytest.raises(errors.NotFound):
        labels.set_marks(session, OLENA, 0, [])


def test_urgent_notes_come_first_then_the_newest(session):
    olha = person(session)
    for content, is_urgent in (("one", False), ("dog", True), ("two", False)):
        notes.add(session, OLENA, olha.id, content=content, is_urgent=is_urgent)
    assert [note.content for note in notes.of_customer(session, olha.id)] == ["dog", "two", "one"]


def test_a_note_is_changed_and_removed_but_history_keeps_the_text(session):
    olha, other = person(session), person(session)
    note = notes.add(session, OLENA, olha.id, content="Dog")
    notes.change(session, OLENA, olha.id, note.id, content="Big dog", is_urgent=True)
    assert note.changed_at is not None
    with pytest.raises(errors.NotFound):
        notes.remove(session, OLENA, other.id, note.id)
    notes.remove(session, OLENA, olha.id, note.id)
    assert acts(session, olha)[:3] == ["note.removed", "note.changed", "note.added"]
    assert audit.of_customer(session, olha.id)[0].changes == {"content": ["Big dog", None]}


def test_a_note_may_be_on_his_device_and_on_no_other(session):
    olha, other = person(session), person(session)
    kind = device_types.create(session, OLENA, name="hAP", role=DeviceRole.CPE)
    device = equipment.create(session, OLENA, name="a", type_id=kind.id, customer_id=olha.id)
    assert notes.add(session, OLENA, olha.id, content="x", device_id=device.id).device_id == device.id
    for customer, values in ((other, {"device_id": device.id}), (olha, {"content": " "})):
        with pytest.raises(errors.Invalid):
            notes.add(session, OLENA, customer.id, **{"content": "x", **values})
    with pytest.raises(errors.NotFound):
        notes.add(session, OLENA, 0, content="x")


def store(session, customer, name="plan.png", content=PNG, limit_bytes=1000):
    return files.store(session, OLENA, customer.id, name=name, content=content, limit_bytes=limit_bytes)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"%PDF-1.7 ...", "application/pdf"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"PK\x03\x04 anything", "application/zip"),
        (
            b"PK\x03\x04 [Content_Types].xml xl/workbook.xml",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (b"\x1f\x8b\x08", "application/gzip"),
        ("# конфігурація\n/ip address".encode(), "text/plain"),
        (b"<script>alert(1)</script>", "text/plain"),
        (b"\x7fELF\x02\x01", None),
        (b"MZ\x90\0", None),
        (b"text with \0 inside", None),
    ],
)
def test_a_file_is_what_its_content_says(content, kind):
    assert files.media_type(content) == kind


def test_a_file_is_kept_read_and_removed_with_a_line_each(session):
    olha, other = person(session), person(session)
    stored = store(session, olha, name="C:\\photos\\../b:ox\n.png")
    session.expunge_all()
    (listed,) = files.of_customer(session, olha.id)
    assert (listed.name, listed.media_type, listed.size_bytes) == ("b_ox_.png", "image/png", len(PNG))
    assert files.read(session, OLENA, olha.id, stored.id).content == PNG
    with pytest.raises(errors.NotFound):
        files.read(session, OLENA, other.id, stored.id)
    files.remove(session, OLENA, olha.id, stored.id)
    assert files.of_customer(session, olha.id) == []
    assert acts(session, olha)[:3] == ["file.removed", "file.read", "file.added"]


@pytest.mark.parametrize("content", [b"", PNG * 100, b"\x7fELF\x02\x01"])
def test_an_empty_large_or_foreign_file_is_refused_at_its_field(session, content):
    with pytest.raises(errors.Invalid) as caught:
        store(session, person(session), content=content)
    assert "file" in caught.value.fields
    with pytest.raises(errors.NotFound):
        files.store(session, OLENA, 0, name="a", content=PNG, limit_bytes=100)


@pytest.mark.parametrize("name", ["", "...", "/"])
def test_a_file_without_a_name_gets_one(session, name):
    assert store(session, person(session), name=name).name in ("file", "_")
