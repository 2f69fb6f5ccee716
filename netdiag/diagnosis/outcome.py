"""What a diagnosis says: stages, findings, and the verdict with who must act and how sure it is."""

import dataclasses
from enum import StrEnum

from netdiag.results import Result
from netdiag.text import N_, Private, Text


class StageKey(StrEnum):
    """The stages, in the order in which they are judged."""

    ACCOUNT = "account"
    INCIDENT = "incident"
    POP = "pop"
    DEVICE = "device"
    PORT = "port"
    MAC = "mac"
    ADDRESS = "address"
    QUALITY = "quality"


class State(StrEnum):
    """How a stage is; unknown was not checked."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


class Who(StrEnum):
    """Who must act."""

    CUSTOMER = "customer"
    NOC = "noc"
    FIELD = "field"
    BILLING = "billing"
    NOBODY = "nobody"


class Confidence(StrEnum):
    """How sure the verdict is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def lowered(self, steps: int) -> "Confidence":
        """Return what is left after so many doubts."""
        order = list(Confidence)
        return order[min(len(order) - 1, order.index(self) + max(0, steps))]


class Cause(StrEnum):
    """What a verdict may name; each rests on evidence of its own."""

    DEBT_LOCK = "debt_lock"
    OTHER_LOCK = "other_lock"
    NO_SERVICE = "no_service"
    GATE_CLOSED = "gate_closed"
    GATE_BEHIND = "gate_behind"
    KNOWN_INCIDENT = "known_incident"
    NOT_MEASURED = "not_measured"
    MEASURED_ELSEWHERE = "measured_elsewhere"
    GATEWAY_SILENT = "gateway_silent"
    GATEWAY_LOSS = "gateway_loss"
    PARENT_DEAD = "parent_dead"
    DEVICE_SILENT = "device_silent"
    DEVICE_UNREADABLE = "device_unreadable"
    DEVICE_RESTARTED = "device_restarted"
    DEVICE_LOSS = "device_loss"
    PORT_SHUT = "port_shut"
    PORT_DOWN = "port_down"
    PORT_WRONG = "port_wrong"
    PORT_ERRORS = "port_errors"
    PORT_DISCARDS = "port_discards"
    PORT_SLOW = "port_slow"
    PORT_HALF = "port_half"
    PORT_FLAPS = "port_flaps"
    PORT_CAME_UP = "port_came_up"
    ONU_POWER = "onu_power"
    ONU_FIBRE = "onu_fibre"
    ONU_SHUT = "onu_shut"
    ONU_OFFLINE = "onu_offline"
    LIGHT_BAD = "light_bad"
    LIGHT_POOR = "light_poor"
    LIGHT_DROPPED = "light_dropped"
    MAC_ABSENT = "mac_absent"
    MAC_ELSEWHERE = "mac_elsewhere"
    MAC_BEHIND_UPLINK = "mac_behind_uplink"
    MAC_OTHER = "mac_other"
    MAC_MANY = "mac_many"
    NO_LEASE = "no_lease"
    DUPLICATE_ADDRESS = "duplicate_address"
    FOREIGN_MAC = "foreign_mac"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"
    LOOP = "loop"
    ADDRESS_SILENT = "address_silent"
    ECHO_DROPPED = "echo_dropped"
    SOME_SILENT = "some_silent"
    LARGE_LOST = "large_lost"
    LOSS = "loss"
    JITTER = "jitter"
    SLOW_ANSWERS = "slow_answers"
    NOTHING_FOUND = "nothing_found"
    TOO_LITTLE = "too_little"


@dataclasses.dataclass(frozen=True, slots=True)
class Fact(Result):
    """One line of a stage's evidence, in words."""

    name: Text
    value: Text | str


@dataclasses.dataclass(frozen=True, slots=True)
class Finding(Result):
    """Something wrong or odd at a stage; `is_suspect` when it may be the verdict though nothing is bad."""

    cause: Cause
    state: State
    words: Text
    who: Who = Who.NOBODY
    say: Text | None = None
    confidence: Confidence = Confidence.HIGH
    doubts: tuple[Text, ...] = ()
    is_suspect: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Stage(Result):
    """One stage: its state in words, how old that is, what it rests on; `why_not` when it was not checked."""

    key: StageKey
    state: State
    words: Text
    age_s: float | None = None
    why_not: Text | None = None
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Unchecked(Result):
    """A stage that was not checked, and why."""

    stage: StageKey
    why: Text


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict(Result):
    """The conclusion. `stage` is where it broke; None when nothing is broken, or too little is known."""

    cause: Cause
    stage: StageKey | None
    headline: Text
    who: Who
    say: Text
    confidence: Confidence
    doubts: tuple[Text, ...] = ()
    not_checked: tuple[Unchecked, ...] = ()
    also: tuple[Text, ...] = ()
    neighbours: Text | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Diagnosis(Result):
    """The stages in order, and the verdict."""

    stages: tuple[Stage, ...]
    verdict: Verdict


def stage(
    key: StageKey,
    findings: "list[Finding]",
    *,
    good: Text,
    age_s: float | None = None,
    facts: "list[Fact] | None" = None,
) -> Stage:
    """Return a checked stage: as bad as its worst finding, whose words it takes; good without any."""
    order = (State.BAD, State.WARNING, State.GOOD)
    ranked = sorted(findings, key=lambda one: order.index(one.state))
    if not ranked:
        return Stage(key, State.GOOD, good, age_s, facts=tuple(facts or ()))
    return Stage(
        key, ranked[0].state, ranked[0].words, age_s, facts=tuple(facts or ()), findings=tuple(ranked)
    )


def unchecked(key: StageKey, why: Text | str) -> Stage:
    """Return a stage that was not checked; a reason that is no text of ours may name an address."""
    if isinstance(why, Text):
        reason = why
    elif why.strip():
        reason = Text("%(why)s", (("why", Private(why.strip())),))
    else:
        reason = N_("no reason was given")
    return Stage(key, State.UNKNOWN, N_("Not checked: %(why)s", why=reason), why_not=reason)
