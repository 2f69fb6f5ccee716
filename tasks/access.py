"""Gates: tell each line its wanted access until that is so, and read back what the network really does.

Every gate has its turn in a thread of its own: one that does not answer holds up nobody else's lines.
"""

import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

import gates
from billing import access, answers
from billing.access import Claim
from billing.answers import Answer
from billing.models import AccessState
from core import clock, errors
from gates import Gate, LineAccess, Outcome
from registry import diagnostics, gate_turns, line_gates, lines, pop_boxes, strangers
from registry.gate_turns import Turn
from tasks import gate_calls, left_ports
from tasks.gate_calls import Failed, Maker
from tasks.runtime import Runtime

log = structlog.get_logger()

GATES_AT_ONCE = 16
ROUNDS = 50
OBSERVE_LIMIT = 5000

_Found = TypeVar("_Found")


def pass_on(runtime: Runtime, send: Callable[[str], None]) -> None:
    """From the default POP, have the workers of the other POPs do the same at the gates that stand there.

    `send` gets the POP's code; that it fails is harmless: the timetable asks again.
    """
    limits = runtime.settings.diagnostics
    if limits.pop != limits.default_pop:
        return
    for pop in _other_pops(runtime):
        try:
            send(pop)
        except errors.Unavailable as error:
            log.warning("not_passed_on", pop=pop, error=str(error))


def _other_pops(runtime: Runtime) -> list[str]:
    """Return the POPs that have gates and a living worker of their own beside the default one's.

    A box leads nothing: the gates of its POP are the default one's, which has it tell them.
    """
    default = runtime.settings.diagnostics.default_pop
    with runtime.database.reading() as session:
        alive = {worker["pop"] for worker in diagnostics.workers(session) if worker["is_alive"]}
        return sorted((alive & line_gates.pops(session)) - pop_boxes.working(session) - {default})


def _turns(runtime: Runtime) -> list[Turn]:
    """Return the gates this worker visits: those of its POP; the default one all the others, too.

    Some gear can only be reached from its own POP.
    """
    limits, waits, now = runtime.settings.diagnostics, gate_calls.waits(runtime), clock.now()
    if limits.pop != limits.default_pop:
        with runtime.database.reading() as session:
            return gate_turns.open_turns(session, now, waits, pop=limits.pop)
    others = _other_pops(runtime)
    with runtime.database.reading() as session:
        return gate_turns.open_turns(session, now, waits, but=others)


def _each(turns: list[Turn], visit: Callable[[Turn], _Found]) -> list[_Found]:
    """Visit every gate at the same time; the first error is raised when all are done."""
    if len(turns) < 2:
        return [visit(turn) for turn in turns]
    with ThreadPoolExecutor(min(len(turns), GATES_AT_ONCE), "gate") as pool:
        visits = [pool.submit(visit, turn) for turn in turns]
    return [made.result() for made in visits]


def sweep(runtime: Runtime, make: Maker = gates.make) -> int:
    """Tell every line of this POP whose wanted access is not the applied one; return how many were settled.

    Sweeps may run at once: each line is claimed by one of them. No transaction is open while gear is asked.
    """
    turns = [turn for turn in _turns(runtime) if turn.has_due or turn.is_epoch_due]
    return sum(_each(turns, lambda turn: _sweep_gate(runtime, turn, make)))


def _sweep_gate(runtime: Runtime, turn: Turn, make: Maker) -> int:
    """Tell one gate what is due, and see whether its gear still holds what it was told before."""
    settled: list[int] = []
    with gate_calls.trial(runtime, turn) as is_mine, contextlib.suppress(Failed):
        if is_mine:
            _serve(runtime, turn, make, settled)
    return len(settled)


def _serve(runtime: Runtime, turn: Turn, make: Maker, settled: list[int]) -> None:
    """Tell what is due first, for somebody waits for it; then see what the gear still holds."""
    if turn.has_due:
        # A prefix that was left goes first: a gateway's set takes none that overlaps it.
        _remove_strangers(runtime, turn, make, are_wide=True)
        _tell_all(runtime, turn, make, settled)
        _remove_strangers(runtime, turn, make)
        left_ports.open_all(runtime, turn, make)
    if turn.is_epoch_due and _begin_epoch(runtime, turn, make, settled):
        _tell_all(runtime, turn, make, settled)
        with runtime.database.transaction() as session:
            gate_turns.end_resync(session, turn.gate.id, clock.now(), gate_calls.waits(runtime))


def _tell_all(runtime: Runtime, turn: Turn, make: Maker, settled: list[int]) -> None:
    """Tell the gate its lines, a batch at a time, until none is due; raises Failed."""
    for _ in range(ROUNDS):
        claims = _claim(runtime, turn, gate_calls.batch(turn.gate.kind))
        if not claims:
            break
        _tell(runtime, claims, make, settled)


def _claim(runtime: Runtime, turn: Turn, limit: int) -> list[Claim]:
    waits = gate_calls.waits(runtime)
    with runtime.database.transaction() as session:
        return access.claim(
            session,
            limit=limit,
            lease_s=waits.lease_s,
            retry_limit_s=waits.retry_limit_s,
            now=clock.now(),
            among=gate_turns.of_gate(turn.gate.id),
        )


def _tell(runtime: Runtime, claims: list[Claim], make: Maker, settled: list[int]) -> None:
    """Tell the gates of the claimed lines and write down what they answer; raises Failed when one did not."""
    wanted = {claim.subscription_id: claim for claim in claims}
    with runtime.database.reading() as session:
        targets = lines.targets(session, wanted, today=clock.today(runtime.settings.isp.time_zone))
    no_line = Outcome(0, None, "This service has no line to open or close", needs_person=True)
    outcomes = dict.fromkeys(set(wanted) - set(targets), no_line)
    fault = None
    for gate, members in gate_calls.by_gate(targets.values()):
        try:
            outcomes |= gate_calls.apply(runtime, gate, members, wanted, make)
        except Failed as failed:
            fault, outcomes = failed, outcomes | failed.outcomes
    settled += _settle(runtime, [_answer(runtime, wanted[key], one) for key, one in outcomes.items()])
    if fault is not None:
        raise fault
    _read_back(runtime, [claim.subscription_id for claim in claims if claim.is_repair], make)


def _answer(runtime: Runtime, claim: Claim, outcome: Outcome) -> Answer:
    cutoff = runtime.settings.cutoff
    pause_s = cutoff.retry_limit_s if outcome.needs_person else cutoff.retry_first_s
    # The pause of a gate that failed as a whole is the gate's own: its lines wait for nothing else.
    pause_s = 0 if isinstance(outcome, gate_calls.OfGate) else pause_s
    applied = AccessState(outcome.applied) if outcome.applied else None
    return Answer(claim, applied, outcome.error, pause_s, outcome.is_bare)


def _settle(runtime: Runtime, given: Iterable[Answer]) -> list[int]:
    limit_s = runtime.settings.cutoff.retry_limit_s
    with runtime.database.transaction() as session:
        return answers.settle(session, given, now=clock.now(), pause_limit_s=limit_s)


def _remove_strangers(runtime: Runtime, turn: Turn, make: Maker, *, are_wide: bool = False) -> None:
    """Take off the gate's list what a person asked away, and look whether it is gone; raises Failed.

    With `are_wide` prefixes alone.
    """
    with runtime.database.reading() as session:
        asked = strangers.to_remove(session, turn.gate.id) if turn.gate.id else {}
    asked = {key: name for key, name in asked.items() if "/" in name or not are_wide}
    if not asked:
        return
    kind = gates.KINDS.get(turn.gate.kind)
    is_login = kind is not None and kind.holds_logins
    wanted: dict[LineAccess, gates.Access] = {
        LineAccess(-key, login=name) if is_login else LineAccess(-key, (name,)): "open"
        for key, name in asked.items()
    }

    def call(made: Gate) -> dict[int, Outcome]:
        outcomes = made.apply(wanted)
        _note_held(runtime, turn, made)
        return outcomes

    outcomes = gate_calls.ask(runtime, turn.gate, make, call)
    with runtime.database.transaction() as session:
        for key, outcome in outcomes.items():
            if outcome.error:
                strangers.note_error(session, [-key], outcome.error)


def _begin_epoch(runtime: Runtime, turn: Turn, make: Maker, settled: list[int]) -> bool:
    """Read the gate's epoch; where its gear began another life, have all its lines told again. Raises Failed.

    The first one is only kept: what was lost before it was known shows when the lines are read back.
    Gear that holds nothing of ours has no mark to keep: one line told first makes one, so that what is lost
    while the others are told shows in the next reading.
    """
    gate_id = turn.gate.id
    with runtime.database.transaction() as session:
        if not gate_turns.take_epoch(session, gate_id, clock.now()):
            return False
        known = gate_turns.find_epoch(session, gate_id)
    epoch = gate_calls.ask(runtime, turn.gate, make, lambda made: made.epoch())
    if known is None:
        if epoch:
            with runtime.database.transaction() as session:
                gate_turns.keep_epoch(session, gate_id, epoch)
        return False
    if epoch == "":
        _tell_one(runtime, turn, make, settled)
        epoch = gate_calls.ask(runtime, turn.gate, make, lambda made: made.epoch())
    if epoch is None or epoch == known:
        return False
    with runtime.database.transaction() as session:
        count = gate_turns.begin_epoch(session, gate_id, epoch, clock.now())
    log.warning("gate_restarted", gate=turn.name, lines=count)
    return count > 0


def _tell_one(runtime: Runtime, turn: Turn, make: Maker, settled: list[int]) -> None:
    with runtime.database.transaction() as session:
        line = gate_turns.a_line(session, turn.gate.id)
        if line is not None:
            access.tell_again(session, [line])
    if claims := _claim(runtime, turn, 1):
        _tell(runtime, claims, make, settled)


def observe(runtime: Runtime, make: Maker = gates.make) -> list[int]:
    """Read from the gates what is so, the lines not looked at for longest first.

    Returns the subscriptions that do otherwise than was applied: the next sweep tells them again.
    """
    turns = [turn for turn in _turns(runtime) if turn.gate.kind != gate_turns.NONE.kind]
    found = _each(turns, lambda turn: _observe_gate(runtime, turn, make))
    astray = sorted(key for keys in found for key in keys)
    if astray:
        log.warning("lines_astray", subscriptions=astray[:20], count=len(astray))
    return astray


def _observe_gate(runtime: Runtime, turn: Turn, make: Maker) -> list[int]:
    astray: list[int] = []
    among, limit = gate_turns.of_gate(turn.gate.id), max(OBSERVE_LIMIT, gate_calls.batch(turn.gate.kind))
    with gate_calls.trial(runtime, turn) as is_mine, contextlib.suppress(Failed):
        if is_mine:
            with runtime.database.reading() as session:
                ids = answers.least_observed(session, limit=limit, among=among)
            astray += _read_back(runtime, ids, make)
            gate_calls.ask(runtime, turn.gate, make, lambda made: _note_held(runtime, turn, made))
    return astray


def _read_back(runtime: Runtime, ids: list[int], make: Maker) -> list[int]:
    """Read these lines from their gates and write down what is so; raises Failed. Returns those astray."""
    if not ids:
        return []
    with runtime.database.reading() as session:
        targets = lines.targets(session, ids, today=clock.today(runtime.settings.isp.time_zone))
    astray: list[int] = []
    for gate, members in gate_calls.by_gate(targets.values()):
        if gate.kind == gate_turns.NONE.kind:
            continue
        measured_at = clock.now()
        found = gate_calls.read(runtime, gate, members, make)
        told = {wish: AccessState(gates.told(gate.kind, wish.value)) for wish in AccessState}
        with runtime.database.transaction() as session:
            astray += answers.note_observed(session, found, measured_at, told=told)
    return astray


def _note_held(runtime: Runtime, turn: Turn, made: Gate) -> None:
    """Write down what the gate's list holds that is no line's."""
    held = made.held()
    if held is None:
        return
    with runtime.database.transaction() as session:
        alien = strangers.among(session, turn.gate.id, held)
        strangers.note(session, turn.gate.id, {name: held[name] for name in alien}, clock.now())
