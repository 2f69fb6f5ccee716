"""Baselines: keep how a line was on a good day, from a diagnosis that found it good; read the newest."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, errors
from core.words import N_
from registry import audit, diagnostics
from registry.models import Baseline, BaselineKind, DiagnosticKind, DiagnosticStatus

NOTE_LIMIT = 500
# What a later diagnosis is compared with: a line that is odd here would pass its fault off as usual.
_STAGES = frozenset({"device", "port", "mac", "address", "quality"})
_FIGURES = ("rtt_ms", "jitter_ms", "loss_percent")


def unfit(result: Mapping[str, Any]) -> str:
    """Return why the result of a diagnosis is no baseline, nothing when it is one. Pure."""
    odd = [
        one["key"]
        for one in result.get("stages", ())
        if one["state"] == "bad" or (one["state"] == "warning" and one["key"] in _STAGES)
    ]
    if odd:
        return N_(
            "The line was not fine in this run (%(stages)s): a baseline shows a good day",
            stages=", ".join(odd),
        )
    found = figures(result)
    if all(found[name] is None for name in ("rtt_ms", "rx_dbm", "speed_bps")):
        return N_("This run measured no round trip, port speed or optical level to keep")
    return ""


def figures(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a baseline keeps of the figures of a diagnosis (tasks/diagnosis_measured.py). Pure.

    Of several addresses it is the first that answered.
    """
    measured = result.get("measured") or {}
    addresses = measured.get("addresses") or ()
    first: Mapping[str, Any] = next((one for one in addresses if one.get("rtt_ms") is not None), {})
    macs: list[str] = first.get("macs") or []
    port = measured.get("port") or {}
    return {
        **{name: first.get(name) for name in _FIGURES},
        "rx_dbm": measured.get("rx_dbm"),
        "speed_bps": port.get("speed_bps") or None,
        "duplex": port.get("duplex"),
        "port": f"{port['device']} {port['name']}" if port else "",
        "mac": macs[0] if len(macs) == 1 else None,
    }


def take(
    session: Session, actor: audit.Actor, run_id: int, *, kind: BaselineKind, note: str = ""
) -> Baseline:
    """Keep the figures of a finished, good diagnosis, audited.

    Raises NotFound, Invalid for a run that is none, and Conflict when it was taken already.
    """
    run = diagnostics.get(session, run_id)
    is_over = run.kind is DiagnosticKind.DIAGNOSE and run.status is DiagnosticStatus.DONE
    if not is_over or run.customer_id is None or not run.result:
        raise errors.Invalid("Only a finished diagnosis of a customer is a baseline")
    if len(note.strip()) > NOTE_LIMIT:
        raise errors.Invalid("Too long", {"note": N_("At most %(count)s characters", count=NOTE_LIMIT)})
    why = unfit(run.result)
    if why:
        raise errors.Invalid(why)
    # Two who press at once: the second waits here for the first and then sees his row.
    session.refresh(run, with_for_update=True)
    earlier = session.scalar(select(Baseline).where(Baseline.run_id == run.id))
    if earlier is not None:
        raise errors.Overtaken(N_("%(who)s took the baseline of this run already", who=earlier.taken_by))
    row = Baseline(
        customer_id=run.customer_id,
        run_id=run.id,
        kind=kind,
        note=note.strip(),
        taken_by=actor.name[:120],
        # The day the line was measured, not the day somebody pressed.
        taken_at=run.finished_at or clock.now(),
        **figures(run.result),
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor,
        "baseline.taken",
        customer_id=run.customer_id,
        object_kind="baseline",
        object_id=row.id,
        note=N_("%(kind)s; run %(run)s", kind=kind.value, run=run.id),
    )
    return row


def newest(session: Session, customer_id: int) -> Baseline | None:
    """Return the baseline the customer's line is compared with."""
    query = select(Baseline).where(Baseline.customer_id == customer_id)
    return session.scalar(query.order_by(Baseline.taken_at.desc(), Baseline.id.desc()).limit(1))


def is_taken(session: Session, run_id: int) -> bool:
    """Whether the run was taken as a baseline."""
    return session.scalar(select(Baseline.id).where(Baseline.run_id == run_id)) is not None
