"""Share a finished diagnosis by a link that ends: the page is frozen and names no person."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, errors, sentences
from core.words import N_
from registry import addresses, audit, diagnostics
from registry.models import Address, DiagnosticKind, DiagnosticRun, DiagnosticStatus, SharedRun

HOURS = (1, 24, 168)
USUAL_HOURS = 24
TOKEN_BYTES = 32
_NO_PAGE = "There is no such page"
_ACCOUNT = "account"


def frozen(result: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return what the page shows. Pure.

    Nothing of the account, no facts, nothing about other customers, and of the sentences nothing that is
    private (an address, a MAC, what somebody wrote): those are for who may sign in.
    """
    verdict = result["verdict"]
    is_private = verdict.get("stage") == _ACCOUNT
    measured = result.get("measured") or {}
    port = measured.get("port") or {}
    where = measured.get("learned_at") or [port.get("device", ""), port.get("name", "")]
    return {
        "place": place,
        "device": where[0] or "",
        "port": where[1] or "",
        "verdict": {
            "headline": "" if is_private else sentences.public(verdict["headline"]),
            "stage": None if is_private else verdict.get("stage"),
            "cause": "" if is_private else verdict["cause"],
            "who": "" if is_private else verdict["who"],
            "confidence": verdict["confidence"],
        },
        "stages": [
            {"key": one["key"], "state": one["state"], "words": sentences.public(one["words"])}
            for one in result["stages"]
            if one["key"] != _ACCOUNT
        ],
    }


def share(
    session: Session, actor: audit.Actor, run_id: int, *, hours: int = USUAL_HOURS
) -> tuple[str, SharedRun]:
    """Make a link to a finished diagnosis, audited; return its token, which is told only now, and the row.

    Raises NotFound, and Invalid for another run or another time than those of HOURS.
    """
    run = finished(session, run_id)
    if hours not in HOURS:
        raise errors.Invalid("Not so long", {"hours": "Choose one of the times"})
    home = session.scalar(
        select(Address).where(Address.customer_id == run.customer_id).order_by(Address.id).limit(1)
    )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = SharedRun(
        run_id=run.id,
        token_sha256=_hashed(token),
        page={
            **frozen(run.result or {}, addresses.one_line(home) if home else ""),
            "measured_at": (run.finished_at or run.created_at).isoformat(),
        },
        created_by=actor.name[:120],
        expires_at=clock.now() + timedelta(hours=hours),
    )
    session.add(row)
    session.flush()
    _record(session, actor, "diagnostics.shared", run=run, row=row, words=N_("for %(hours)s h", hours=hours))
    return token, row


def finished(session: Session, run_id: int) -> DiagnosticRun:
    """Return a diagnosis of a customer that ended with a verdict; raises NotFound and Invalid."""
    run = diagnostics.get(session, run_id)
    is_over = run.kind is DiagnosticKind.DIAGNOSE and run.status is DiagnosticStatus.DONE
    if not is_over or run.customer_id is None or not (run.result or {}).get("verdict"):
        raise errors.Invalid("Only a finished diagnosis of a customer can be passed on")
    return run


def revoke(session: Session, actor: audit.Actor, run_id: int, share_id: int) -> None:
    """End a link now, audited; once ended it stays so. Raises NotFound."""
    row = session.scalar(
        select(SharedRun).where(SharedRun.id == share_id, SharedRun.run_id == run_id).with_for_update()
    )
    if row is None:
        raise errors.NotFound("There is no such link")
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        session.flush()
        _record(session, actor, "diagnostics.unshared", run=diagnostics.get(session, run_id), row=row)


def page_of(session: Session, token: str) -> SharedRun:
    """Return the link of a token; raises NotFound, the same for unknown, expired and revoked."""
    row = session.scalar(
        select(SharedRun).where(
            SharedRun.token_sha256 == _hashed(token),
            SharedRun.revoked_at.is_(None),
            SharedRun.expires_at > clock.now(),
        )
    )
    if row is None:
        raise errors.NotFound(_NO_PAGE)
    return row


def open_links(session: Session, run_id: int) -> list[SharedRun]:
    """Return the links of the run that still work."""
    query = select(SharedRun).where(
        SharedRun.run_id == run_id, SharedRun.revoked_at.is_(None), SharedRun.expires_at > clock.now()
    )
    return list(session.scalars(query.order_by(SharedRun.id)))


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _record(
    session: Session, actor: audit.Actor, action: str, *, run: DiagnosticRun, row: SharedRun, words: str = ""
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=run.customer_id,
        object_kind="shared_run",
        object_id=row.id,
        note=N_("run %(run)s; %(words)s", run=run.id, words=words or "–"),
    )
