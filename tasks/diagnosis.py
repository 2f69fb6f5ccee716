"""The diagnosis of a customer's line: read the records, ask the wire all at once, judge, tell each stage."""

import time
from collections.abc import Mapping
from concurrent import futures
from typing import Any
from zoneinfo import ZoneInfo

from core import clock, live
from netdiag import diagnosis
from netdiag.diagnosis import NotChecked, StageKey
from netdiag.diagnosis.outcome import Cause
from netdiag.text import N_, Number, Text
from registry import diagnosis_facts, incident_elements, neighbours
from registry.diagnosis_facts import LineFacts
from registry.models import DiagnosticRun, DiagnosticStatus
from tasks import (
    diagnosis_evidence,
    diagnosis_measured,
    diagnosis_neighbours,
    diagnosis_questions,
    diagnosis_records,
    sites,
)
from tasks.diagnosis_evidence import History
from tasks.diagnosis_questions import Answers, Question
from tasks.runtime import Runtime

Outcome = tuple[DiagnosticStatus, dict[str, Any]]

LIMIT_S = 4.0
_LOOK_S = 0.25


def diagnose(runtime: Runtime, row: DiagnosticRun) -> Outcome:
    """Gather the evidence within four seconds, tell every stage as it ends, and end with the verdict.

    Raises NotFound when the customer, device or port is gone.
    """
    began = time.monotonic()
    zone = ZoneInfo(runtime.settings.isp.time_zone)
    now = clock.now().astimezone(zone)
    with runtime.database.reading() as session:
        records = diagnosis_records.read(session, row, now, zone)
    facts = records.facts
    questions = diagnosis_questions.plan(runtime, facts, sites.at(runtime, row.pop))
    board = Board(runtime, row, facts, questions, records.history)
    board.know(**records.extras)
    board.tell()
    is_stopped = _ask_all(runtime, row.id, questions, board)
    found = board.conclude()
    incident_id = None
    if not is_stopped and row.customer_id is not None and diagnosis_neighbours.is_shared_fault(found):
        found, incident_id = _ask_neighbours(runtime, row, facts, board, found)
    live.publish(runtime.redis, row.id, "verdict", found.verdict.as_dict())
    result = {
        **found.as_dict(),
        "answered": diagnosis_evidence.answered(facts, board.answers),
        "addresses": [one.address for one in facts.addresses],
        "measured": diagnosis_measured.figures(facts, board.answers, now),
        "incident_id": incident_id,
        "took_s": round(time.monotonic() - began, 3),
    }
    return DiagnosticStatus.STOPPED if is_stopped else DiagnosticStatus.DONE, result


def _ask_neighbours(
    runtime: Runtime, row: DiagnosticRun, facts: LineFacts, board: "Board", found: diagnosis.Diagnosis
) -> tuple[diagnosis.Diagnosis, int | None]:
    """Compare with the neighbours; a fault they share becomes an incident, unless one is open already."""
    with runtime.database.reading() as session:
        groups = neighbours.of(session, row.customer_id) if row.customer_id is not None else ()
        silent = {}
        if facts.device is not None:
            silent[Cause.DEVICE_SILENT] = incident_elements.device(session, facts.device.device_id)
        dead = diagnosis_evidence.highest_silent(facts, board.answers)
        if dead is not None:
            silent[Cause.PARENT_DEAD] = incident_elements.device(session, dead.device_id)
    compared = diagnosis_neighbours.compare(groups, sites.at(runtime, row.pop))
    board.know(neighbours=compared)
    found = board.tell()
    element = diagnosis_neighbours.element_of(found, compared, groups, silent)
    if element is None:
        return found, None
    title = diagnosis_neighbours.title_of(found, element)
    return found, diagnosis_neighbours.report(runtime, row.id, element, title)


class Board:
    """The evidence as it comes in, and what the watchers have been told of it."""

    def __init__(
        self,
        runtime: Runtime,
        row: DiagnosticRun,
        facts: LineFacts,
        questions: list[Question],
        history: History,
    ) -> None:
        self.answers: Answers = {}
        self._runtime, self._row, self._facts, self._history = runtime, row, facts, history
        self._waiting = {key: {q.key for q in questions if key in q.stages} for key in StageKey}
        self._told: dict[StageKey, dict[str, Any]] = {}
        self._extras: Mapping[str, Any] = {}
        self._owners: dict[str, Text] = {}

    def take(self, key: str, answer: Any) -> None:
        """Note an answer."""
        self.answers[key] = answer
        for waiting in self._waiting.values():
            waiting.discard(key)

    def know(self, **extras: Any) -> None:
        """Take in evidence that is no answer to a question of ours."""
        self._extras = {**self._extras, **extras}

    def tell(self) -> diagnosis.Diagnosis:
        """Publish the stages that wait for nothing more and read otherwise than what was told."""
        found = diagnosis.judge(self._evidence())
        for stage in found.stages:
            words = stage.as_dict()
            if not self._waiting[stage.key] and self._told.get(stage.key) != words:
                self._told[stage.key] = words
                live.publish(self._runtime.redis, self._row.id, "stage", {"stage": words})
        return found

    def conclude(self) -> diagnosis.Diagnosis:
        """Look up whose the foreign MACs are, and judge for the last time."""
        foreign = diagnosis_evidence.foreign_macs(self._facts, self.answers)
        if foreign:
            with self._runtime.database.reading() as session:
                found = diagnosis_facts.owners(session, foreign, self._facts.customer_id)
            self._owners = {mac: diagnosis_evidence.owner(one) for mac, one in found.items()}
        return self.tell()

    def _evidence(self) -> diagnosis.Evidence:
        return diagnosis_evidence.assemble(
            self._facts,
            self.answers,
            measured_from=self._row.pop,
            is_worker_alive="pop_wanted" not in self._row.options,
            history=self._history,
            owners=self._owners,
            extras=self._extras,
        )


def _ask_all(runtime: Runtime, run_id: int, questions: list[Question], board: Board) -> bool:
    """Ask everything at once until the limit; return whether a person stopped it.

    Every question is bounded in itself: a thread that is not waited for ends a moment later.
    """
    if not questions:
        return False
    pool = futures.ThreadPoolExecutor(len(questions), thread_name_prefix=f"diagnose-{run_id}")
    try:
        asked = {pool.submit(diagnosis_questions.ask, one): one for one in questions}
        until = time.monotonic() + LIMIT_S
        why = N_("no answer within %(seconds)s s", seconds=Number(LIMIT_S, 1))
        is_stopped = False
        open_ones = set(asked)
        while open_ones and time.monotonic() < until and not is_stopped:
            done, open_ones = futures.wait(open_ones, timeout=_LOOK_S, return_when=futures.FIRST_COMPLETED)
            for one in done:
                board.take(asked[one].key, one.result())
            if done:
                board.tell()
            is_stopped = runtime.is_stopping.is_set() or live.is_stop_asked(runtime.redis, run_id)
        for one in open_ones:
            board.take(asked[one].key, NotChecked(N_("it was stopped") if is_stopped else why))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return is_stopped
