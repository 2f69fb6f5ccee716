"""What money could settle on an account: a promise, instalments, a debt lock; most payments find nothing."""

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import Session

from billing import suspensions
from billing.models import InstalmentPlan, LockReason, Promise, PromiseStatus

_account_id: BindParameter[int] = bindparam("account_id")
STANDS = (
    select(Promise.id)
    .where(Promise.account_id == _account_id, Promise.status == PromiseStatus.ACTIVE)
    .exists()
    | select(InstalmentPlan.id)
    .where(InstalmentPlan.account_id == _account_id, InstalmentPlan.status == PromiseStatus.ACTIVE)
    .exists()
    | suspensions.standing_of_account(_account_id, LockReason.DEBT).exists()
)


def stands(session: Session, account_id: int) -> bool:
    """Say whether there is anything that money could settle."""
    return bool(session.scalar(select(STANDS), {"account_id": account_id}))
