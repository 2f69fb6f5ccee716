"""What holds for any evidence whatsoever: a verdict, with reasons, that names nothing it has not seen."""

import dataclasses
import json
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netdiag import diagnosis
from netdiag.diagnosis import Cause, Confidence, StageKey, State, evidence
from netdiag.diagnosis.evidence import Evidence, NotChecked
from netdiag.text import N_, Private, Text

# Words that matter to the judges, among any others.
STATES = st.sampled_from(["up", "down", "testing", "lower layer down", "online", "offline", "unknown", ""])
MACS = st.sampled_from([f"50:c7:bf:10:00:0{digit}" for digit in range(4)])
REASONS = st.sampled_from(
    ["packet filtered from 10.0.0.1", "host unreachable", "time to live exceeded", "no route", "x"]
)
AGES = st.none() | st.floats() | st.integers(0, 100_000).map(float)

st.register_type_strategy(
    Text,
    st.sampled_from([N_("it was not asked"), N_("no answer from %(address)s", address=Private("10.0.0.9"))]),
)
st.register_type_strategy(
    evidence.PingEvidence,
    st.builds(
        evidence.PingEvidence,
        sent=st.integers(-3, 40),
        received=st.integers(-3, 40),
        rtt_ms=AGES,
        jitter_ms=AGES,
        reasons=st.lists(REASONS, max_size=2).map(tuple),
        age_s=AGES,
    ),
)
st.register_type_strategy(
    evidence.PortEvidence,
    st.builds(
        evidence.PortEvidence, admin=STATES, oper=STATES, speed_bps=st.none() | st.integers(), age_s=AGES
    ),
)
st.register_type_strategy(evidence.OnuEvidence, st.builds(evidence.OnuEvidence, state=STATES))
st.register_type_strategy(
    evidence.MacEvidence,
    st.builds(
        evidence.MacEvidence,
        on_file=st.lists(MACS, max_size=2).map(tuple),
        on_port=st.from_type(NotChecked) | st.lists(MACS, max_size=6).map(tuple),
    ),
)
st.register_type_strategy(
    evidence.MacAnswer, st.builds(evidence.MacAnswer, macs=st.lists(MACS, max_size=3).map(tuple))
)
ANY = st.from_type(Evidence)

many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(ANY)
def test_any_evidence_gives_a_verdict_that_can_be_stored(given_evidence: Evidence) -> None:
    found = diagnosis.judge(given_evidence)
    assert [stage.key for stage in found.stages] == list(StageKey)
    assert found.verdict.headline
    assert found.verdict.say
    # PostgreSQL's jsonb takes no NaN.
    json.dumps(found.verdict.as_dict(), allow_nan=False)


@many
@given(ANY)
def test_a_stage_that_was_not_checked_says_why(given_evidence: Evidence) -> None:
    found = diagnosis.judge(given_evidence)
    missing = [stage for stage in found.stages if stage.state is State.UNKNOWN]
    assert all(stage.why_not for stage in missing)
    assert [one.stage for one in found.verdict.not_checked] == [stage.key for stage in missing]
    assert all(stage.words for stage in found.stages)


@many
@given(ANY, st.text())
def test_a_debt_lock_is_always_the_first_thing_said(given_evidence: Evidence, since: str) -> None:
    account = given_evidence.account
    known = evidence.AccountEvidence() if isinstance(account, NotChecked) else account
    locked = dataclasses.replace(known, locks=(*known.locks, evidence.Lock("debt", since)))
    found = diagnosis.judge(dataclasses.replace(given_evidence, account=locked))
    assert found.verdict.stage is StageKey.ACCOUNT
    assert found.verdict.cause is Cause.DEBT_LOCK
    assert found.verdict.who.value == "billing"


@many
@given(ANY)
def test_nothing_later_changes_a_verdict_that_stands(given_evidence: Evidence) -> None:
    """The first bad stage is the verdict's, whatever comes after."""
    found = diagnosis.judge(given_evidence)
    bad = [stage.key for stage in found.stages if stage.state is State.BAD]
    if bad:
        assert found.verdict.stage is bad[0]
    else:
        assert found.verdict.stage is None or any(
            stage.key is found.verdict.stage and stage.state is State.WARNING for stage in found.stages
        )


@many
@given(ANY)
def test_who_says_fine_has_seen_the_line_work(given_evidence: Evidence) -> None:
    found = diagnosis.judge(given_evidence)
    if found.verdict.cause is not Cause.NOTHING_FOUND or given_evidence.left_out:
        return
    assert not isinstance(given_evidence.addresses, NotChecked)
    assert any(
        not isinstance(one.ping, NotChecked) and one.ping.received > 0
        for one in given_evidence.addresses.addresses
    )
    if found.verdict.confidence is Confidence.HIGH:
        assert {one.stage for one in found.verdict.not_checked} <= {StageKey.INCIDENT}


PART_OF: dict[str, Callable[[Evidence], object]] = {
    "account": lambda found: found.account,
    "incident": lambda found: found.incident,
    "pop": lambda found: found.pop,
    "device": lambda found: found.device,
    "mac": lambda found: found.mac,
    "address": lambda found: found.addresses,
    "quality": lambda found: found.addresses,
}
PORT_CAUSES = {cause for cause in Cause if cause.value.startswith("port_")} - {Cause.PORT_WRONG}
LIGHT_CAUSES = {cause for cause in Cause if cause.value.startswith(("onu_", "light_"))}


@many
@given(ANY)
def test_a_verdict_names_no_cause_whose_evidence_is_absent(given_evidence: Evidence) -> None:
    verdict = diagnosis.judge(given_evidence).verdict
    if verdict.stage is None:
        return
    if verdict.cause in PORT_CAUSES:
        assert not isinstance(given_evidence.port, NotChecked)
    elif verdict.cause in LIGHT_CAUSES:
        assert not isinstance(given_evidence.onu, NotChecked)
    elif verdict.stage is not StageKey.PORT:
        assert not isinstance(PART_OF[verdict.stage](given_evidence), NotChecked)


@many
@given(name=st.sampled_from([field.name for field in dataclasses.fields(Evidence)]), found=ANY)
def test_taking_evidence_away_never_makes_a_verdict_surer_of_nothing(name: str, found: Evidence) -> None:
    """Without a part, a line is never called fine with more confidence than with it."""
    order = list(Confidence)
    before = diagnosis.judge(found).verdict
    if name == "left_out":
        return
    empty = None if name == "taken_at" else NotChecked("taken away")
    after = diagnosis.judge(dataclasses.replace(found, **{name: empty})).verdict
    if before.cause is after.cause is Cause.NOTHING_FOUND:
        assert order.index(after.confidence) >= order.index(before.confidence)
