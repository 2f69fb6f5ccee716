"""Which entries a person may undo: money that came or went, what was asked for, what was written off."""

from billing.models import EntryKind
from core import errors
from webapp import identity

# The right to the page is payment.reverse. A kind without a right of its own is nobody's to undo.
_RIGHTS = {
    EntryKind.PAYMENT: "payment.reverse",
    EntryKind.REFUND: "payment.reverse",
    EntryKind.TRANSFER: "payment.reverse",
    EntryKind.CHARGE: "charge.reverse",
    EntryKind.ADJUSTMENT: "charge.reverse",
    EntryKind.WRITEOFF: "writeoff.reverse",
}


def allowed() -> tuple[EntryKind, ...]:
    """Return the kinds of entries the person at the screen may undo."""
    if not identity.may("payment.reverse"):
        return ()
    return tuple(kind for kind, right in _RIGHTS.items() if identity.may(right))


def demand(kind: EntryKind) -> None:
    """Raise Forbidden unless the person may undo entries of this kind, Invalid where nobody may."""
    if kind not in _RIGHTS:
        raise errors.Invalid("A reversal cannot be reversed; post the right entry instead")
    identity.demand(_RIGHTS[kind])
