"""Which reasons for a lock a person may place and lift; a reason without a right of its own is nobody's."""

from billing.models import LockReason
from core import errors
from webapp import identity

# The right to the pages is suspension.place. Locks of debt, contracts and the status are not placed by hand.
_RIGHTS = {
    LockReason.FREEZE: "suspension.money",
    LockReason.MANUAL: "suspension.money",
    LockReason.ABUSE: "suspension.technical",
    LockReason.TECHNICAL: "suspension.technical",
}


def allowed() -> tuple[LockReason, ...]:
    """Return the reasons the person at the screen may place and lift locks for."""
    return tuple(reason for reason, right in _RIGHTS.items() if identity.may(right))


def demand(reason: LockReason) -> None:
    """Raise Forbidden unless the person may place and lift locks for this reason."""
    if reason not in _RIGHTS:
        raise errors.Forbidden("No person places or lifts such a lock by hand")
    identity.demand(_RIGHTS[reason])
