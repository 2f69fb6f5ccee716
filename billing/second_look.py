"""Whether a plan may be applied still: not discarded, not overtaken; and the brake's second look at it.

A plan is braked by what was so when it was made. One that stood for a while, or is of another day, is looked
at again before it is applied: an import may have broken since, a clock jumped, a POP been half cut by hand.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import brake, policies, rules
from billing.brake import Witness
from billing.models import CutoffRun, RunStatus
from core import clock, errors
from core.words import Text

OPEN = (RunStatus.PLANNED, RunStatus.BRAKED)
IN_FORCE = (RunStatus.APPLYING, RunStatus.APPLIED, RunStatus.UNDONE)
# Older ones are looked at again: time enough to read a long plan through, and no import breaks unseen.
STANDS_S = 3600
# What tells two reasons of one sentence apart; their other figures change from hour to hour.
_TELLING = frozenset({"name", "minutes"})
_ANY = "\0"


def refuse(session: Session, run: CutoffRun, *, force: bool) -> None:
    """Raise Conflict when the plan cannot be applied: discarded, braked, half made, or overtaken."""
    if run.status is RunStatus.DISCARDED:
        raise errors.Conflict("This plan was discarded; make a new one")
    if run.status is RunStatus.BRAKED and not force:
        raise errors.Conflict("; ".join(run.brake_reasons))
    if run.status not in OPEN:
        raise errors.Conflict("This plan is not made wholly; make a new one")
    if is_overruled(session, run):
        raise errors.Conflict("The policy was changed since this plan was made; make a new one")
    newer = select(CutoffRun.id).where(CutoffRun.id > run.id, CutoffRun.status.in_(IN_FORCE))
    if session.scalar(newer.limit(1)) is not None:
        raise errors.Conflict("A newer plan was applied; make a new one")


def is_overruled(session: Session, run: CutoffRun) -> bool:
    """Whether another version of the policy is in force than the plan was made by: it may spare others."""
    newest = policies.newest(session)
    return (newest.version if newest else 0) != int(run.rules.get("version", 0))


def stops(session: Session, run: CutoffRun, *, today: date, witness: Witness) -> bool:
    """Look at a plan again that stood for STANDS_S or is not of today; mark it braked for any new reason.

    What the brake said before, and a person let go, is none. A release of before is taken back with it.
    """
    age = clock.now() - run.planned_at
    if run.run_on == today and timedelta(0) <= age <= timedelta(seconds=STANDS_S):
        return False
    found = brake.reasons(session, run, rules=rules.rules_of_json(run.rules), witness=witness)
    if all(_was_said(words, run.brake_reasons) for words in found):
        return False
    run.status, run.brake_reasons = RunStatus.BRAKED, found
    run.released_by, run.released_at, run.release_reason = None, None, ""
    session.flush()
    return True


def _was_said(words: str, before: Sequence[str]) -> bool:
    """Whether that was a reason before, be it with other figures."""
    if isinstance(words, Text) and words.values:
        told = {name: one if name in _TELLING else _ANY for name, one in words.values.items()}
        pattern = re.escape(words.template % told).replace(_ANY, ".+")
        return any(re.fullmatch(pattern, one) for one in before)
    return words in before
