"""What late fees and interest have in common: the document they make, by the terms of each account."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from billing import documents
from billing.acts import Act
from billing.models import Account, Documented, DocumentKind, LedgerEntry


def document(session: Session, entries: Sequence[LedgerEntry], act: Act) -> None:
    """Document these charges as the terms of their accounts say; the caller holds the accounts' locks."""
    by_kind: dict[DocumentKind, list[int]] = defaultdict(list)
    for entry in entries:
        mode = act.terms.documented_of(session.get_one(Account, entry.account_id))
        if mode is not Documented.NONE:
            by_kind[DocumentKind(mode.value)].append(entry.id)
    # The counters in one order, as the charge run takes them.
    for kind, ids in sorted(by_kind.items()):
        documents.issue(session, ids, kind=kind, on=act.today, author=act.author)
