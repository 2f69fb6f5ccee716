"""The company as documents name it: every change is a new row, so what was issued keeps what it said."""

import io
import re
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from billing import bank
from billing.models import Seller
from core import errors
from core.words import N_
from registry import audit, files

LOGO_LIMIT_BYTES = 512 * 1024
LOGO_LIMIT_PIXELS = 4_000_000
LOGO_TYPES = ("image/png", "image/jpeg")
_LIMITS = {
    "name": 200,
    "address": 400,
    "country": 2,
    "tax_number": 40,
    "company_number": 40,
    "iban": 34,
    "bic": 11,
    "bank_name": 120,
    "phone": 40,
    "email": 254,
    "website": 200,
    "footer": 400,
    "language": 20,
}
FIELDS = tuple(_LIMITS)


def get(session: Session, *, with_logo: bool = False) -> Seller | None:
    """Return the company as it is written now; none before anybody wrote it down."""
    query = select(Seller).order_by(Seller.id.desc()).limit(1)
    if with_logo:
        query = query.options(undefer(Seller.logo)).execution_options(populate_existing=True)
    return session.scalar(query)


def save(
    session: Session,
    actor: audit.Actor,
    *,
    logo: bytes | None = None,
    is_logo_removed: bool = False,
    sends_documents: bool | None = None,
    **fields: str,
) -> bool:
    """Write the company down anew when anything differs; say whether it did.

    `logo` and `sends_documents` None keep what there is. With `sends_documents` invoices go out by e-mail as
    they are issued. Raises Invalid at every faulty field at once.
    """
    values = _tidied(fields)
    faults = _faults(values)
    try:
        logo_type = logo_type_of(logo) if logo else ""
    except errors.Invalid as error:
        faults |= error.fields
    if faults:
        raise errors.Invalid("The company's data is not complete", faults)
    before = get(session, with_logo=True)
    kept, kept_type = (before.logo, before.logo_type) if before and not is_logo_removed else (None, "")
    image, image_type = (logo, logo_type) if logo else (kept, kept_type)
    values["sends_documents"] = (
        bool(before and before.sends_documents) if sends_documents is None else sends_documents
    )
    known = {name: getattr(before, name) for name in values} if before else {"sends_documents": False}
    changes = audit.difference(known, values)
    if image != (before.logo if before else None):
        changes["logo"] = [before.logo_type if before else "", image_type]
    if not changes:
        return False
    session.add(Seller(**values, logo=image, logo_type=image_type, written_by=actor.name[:120]))
    session.flush()
    audit.record(session, actor, "company.changed", object_kind="company", changes=changes)
    return True


def logo_type_of(content: bytes) -> str:
    """Return the media type of a logo, by its content; raises Invalid at `logo` for anything else."""
    if len(content) > LOGO_LIMIT_BYTES:
        raise errors.Invalid("The logo is too large", {"logo": "At most 512 KiB are kept"})
    kind = files.media_type(content)
    if kind not in LOGO_TYPES or not _is_whole(content):
        raise errors.Invalid("Not a logo", {"logo": "Choose a PNG or JPEG picture of at most 4 megapixels"})
    return kind


def _is_whole(content: bytes) -> bool:
    """Say whether the picture can be read to its end and is not made to fill the memory."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > LOGO_LIMIT_PIXELS:
                return False
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return False
    return True


def _tidied(fields: dict[str, str]) -> dict[str, Any]:
    values = {name: fields.get(name, "").strip() for name in FIELDS}
    values["address"] = "\n".join(line.strip() for line in values["address"].splitlines() if line.strip())
    values["iban"] = bank.plain_iban(values["iban"])
    values["bic"] = values["bic"].replace(" ", "").upper()
    values["country"] = values["country"].upper()
    return values


def _faults(values: dict[str, Any]) -> dict[str, str]:
    faults: dict[str, str] = {
        name: N_("At most %(count)s characters", count=limit)
        for name, limit in _LIMITS.items()
        if len(values[name]) > limit
    }
    if not values["name"]:
        faults["name"] = N_("Write the company's name")
    if values["country"] and not re.fullmatch("[A-Z]{2}", values["country"]):
        faults["country"] = N_("Write the two letters of ISO 3166, such as UA")
    if values["iban"] and (fault := bank.iban_fault(values["iban"])):
        faults["iban"] = fault
    if values["bic"] and (fault := bank.bic_fault(values["bic"])):
        faults["bic"] = fault
    return faults
