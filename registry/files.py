"""Files kept with a customer: typed by their content, never by their name, and bounded in size."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from core import errors
from core.words import N_
from registry import audit
from registry.models import Customer, StoredFile

# What a file begins with; whatever fits none and is no text is refused.
_BEGINNINGS: Mapping[bytes, str] = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "application/x-ole-storage",
}
_OFFICE = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]")


def media_type(content: bytes) -> str | None:
    """Return what the content is; None when it is nothing we keep (programs, films, unknown binaries)."""
    for beginning, kind in _BEGINNINGS.items():
        if content.startswith(beginning):
            return _office(content) or kind if kind == "application/zip" else kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    is_text = not any(unicodedata.category(letter) == "Cc" and letter not in "\t\n\r\f" for letter in text)
    return "text/plain" if is_text else None


def _office(content: bytes) -> str | None:
    if b"[Content_Types].xml" not in content[:4096]:
        return None
    return next((kind for part, kind in _OFFICE.items() if part in content), None)


def store(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    name: str,
    content: bytes,
    limit_bytes: int,
) -> StoredFile:
    """Keep a file; raises Invalid at `file` when it is empty, too large or of a kind that is not kept."""
    if session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    kind = _checked(content, limit_bytes)
    stored = StoredFile(
        customer_id=customer_id,
        name=_safe_name(name),
        media_type=kind,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        author=actor.name,
    )
    session.add(stored)
    session.flush()
    _record(session, actor, "file.added", stored)
    return stored


def _checked(content: bytes, limit_bytes: int) -> str:
    if not content:
        raise errors.Invalid("No file", {"file": "Choose a file that is not empty"})
    if len(content) > limit_bytes:
        size = f"{limit_bytes / 1_048_576:g} MiB"
        raise errors.Invalid("The file is too large", {"file": N_("At most %(size)s are kept", size=size)})
    kind = media_type(content)
    if kind is None:
        words = N_(
            "Kept are PDF, images, office documents, archives (zip, gz) and text such as configurations"
        )
        raise errors.Invalid("This kind of file is not kept", {"file": words})
    return kind


def _safe_name(name: str) -> str:
    """Return the last part of the name without what a file system or a header trips over."""
    last = re.split(r"[/\\]", name)[-1]
    return _UNSAFE.sub("_", unicodedata.normalize("NFC", last)).strip(" .")[-200:] or "file"


def of_customer(session: Session, customer_id: int) -> list[StoredFile]:
    """Return the customer's files without their content, the newest first."""
    query = select(StoredFile).where(StoredFile.customer_id == customer_id)
    return list(session.scalars(query.order_by(StoredFile.id.desc())))


def read(session: Session, actor: audit.Actor, customer_id: int, file_id: int) -> StoredFile:
    """Return the file with its content and note in history who took it; raises NotFound."""
    stored = _find(session, customer_id, file_id, is_whole=True)
    _record(session, actor, "file.read", stored)
    return stored


def remove(session: Session, actor: audit.Actor, customer_id: int, file_id: int) -> None:
    """Remove the file; history keeps its name and hash."""
    stored = _find(session, customer_id, file_id)
    _record(session, actor, "file.removed", stored)
    session.delete(stored)
    session.flush()


def _find(session: Session, customer_id: int, file_id: int, *, is_whole: bool = False) -> StoredFile:
    query = select(StoredFile).where(StoredFile.id == file_id, StoredFile.customer_id == customer_id)
    if is_whole:
        query = query.options(undefer(StoredFile.content)).execution_options(populate_existing=True)
    stored = session.scalar(query)
    if stored is None:
        raise errors.NotFound("There is no such file")
    return stored


def _record(session: Session, actor: audit.Actor, action: str, stored: StoredFile) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=stored.customer_id,
        object_kind="file",
        object_id=stored.id,
        note=f"{stored.name}, {stored.size_bytes} bytes, SHA-256 {stored.sha256[:16]}",
    )
