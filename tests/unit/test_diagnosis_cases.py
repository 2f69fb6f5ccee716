"""The table of diagnosis_cases.toml, line by line: what is found, and what the verdict must be."""

import dataclasses
import tomllib
import types
import typing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netdiag import diagnosis
from netdiag.diagnosis import StageKey, evidence

TABLE = tomllib.loads(Path(__file__).with_name("diagnosis_cases.toml").read_text(encoding="utf-8"))
CASES = TABLE["case"]
PARTS = {field.name for field in dataclasses.fields(evidence.Evidence)} - {"taken_at", "left_out"}
TAKEN_AT = datetime(2026, 11, 25, 14, 25, tzinfo=UTC)


def ping(text: str) -> evidence.PingEvidence:
    """Read "4/5 12.5 jitter 3 | packet filtered from 10.0.0.1"."""
    numbers, _, said = text.partition("|")
    counts, *rest = numbers.split()
    received, _, sent = counts.partition("/")
    jitter = float(rest[2]) if rest[1:2] == ["jitter"] else None
    return evidence.PingEvidence(
        int(sent),
        int(received),
        rtt_ms=float(rest[0]) if rest else None,
        jitter_ms=jitter,
        reasons=(said.strip(),) if said else (),
    )


def lock(text: str) -> evidence.Lock:
    """Read "debt 2026-11-20 two bills"."""
    reason, _, rest = text.partition(" ")
    since, _, note = rest.partition(" ")
    return evidence.Lock(reason, since, note)


def build(kind: Any, value: Any) -> Any:
    """Turn a value of the table into what a field of the evidence wants."""
    if isinstance(value, str) and value.startswith("-"):
        return evidence.NotChecked(value[1:]) if value != "-" else None
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, str) and str in options:
        return value
    kind = next(one for one in options if one not in (type(None), evidence.NotChecked))
    if kind in (evidence.PingEvidence, evidence.Lock):
        return ping(value) if kind is evidence.PingEvidence else lock(value)
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)
        return tuple(build(inner[0], one) for one in value) if inner[1:] == (Ellipsis,) else tuple(value)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: build(hints[name], one) for name, one in value.items()})
    return value


def evidence_of(case: dict[str, Any]) -> evidence.Evidence:
    """Return the healthy line with what the case changes."""
    parts: dict[str, Any] = {} if case.get("nothing") else {**TABLE["healthy"]}
    if case.get("line") == "pon":
        del parts["port"]
        parts["device"] = parts["device"] | {"name": "olt-2"}
        parts |= TABLE["pon"]
    left_out = frozenset[StageKey]()
    if case.get("line") in ("device", "our port"):
        parts |= dict.fromkeys(("account", "incident", "mac", "addresses"), "-no customer is named")
        del parts["address"]
        left_out = frozenset(StageKey) - {StageKey.POP, StageKey.DEVICE, StageKey.PORT}
        if case["line"] == "device":
            parts["port"], left_out = "-no port is named", left_out | {StageKey.PORT}
    for name in (*PARTS, "address"):
        if name in case:
            whole = isinstance(case[name], str) or name not in parts
            parts[name] = case[name] if whole else parts[name] | case[name]
    one = parts.pop("address", None)
    if one is not None and "addresses" not in parts:
        parts["addresses"] = {"addresses": [one]}
    elif one is not None and not isinstance(parts["addresses"], str):
        parts["addresses"] = {"addresses": [one], **parts["addresses"]}
    hints = typing.get_type_hints(evidence.Evidence)
    built = {name: build(hints[name], value) for name, value in parts.items()}
    return evidence.Evidence(**built, taken_at=TAKEN_AT, left_out=left_out)


@pytest.mark.parametrize("case", CASES, ids=[case["situation"] for case in CASES])
def test_the_verdict_is(case: dict[str, Any]) -> None:
    found = diagnosis.judge(evidence_of(case))
    verdict = found.verdict
    said = (
        f"{verdict.headline} [{verdict.stage or ''}, {verdict.who}, {verdict.confidence}; "
        f"{[str(one) for one in verdict.doubts]}]"
    )
    assert (verdict.stage or "") == case["stage"], said
    assert case["says"] in str(verdict.headline), said
    assert verdict.who == case["who"], said
    assert verdict.confidence == case["confidence"], said
    if "doubt" in case:
        assert any(case["doubt"] in str(doubt) for doubt in verdict.doubts), said
    if "also" in case:
        assert any(case["also"] in str(words) for words in verdict.also), verdict.also
    for name, state in case.get("state", {}).items():
        assert next(stage.state for stage in found.stages if stage.key == name) == state
    assert verdict.say


def test_every_word_of_the_table_means_something() -> None:
    known = PARTS | {"address", "line", "nothing", "situation", "stage", "says", "who", "confidence"}
    known |= {"doubt", "also", "state"}
    assert [case["situation"] for case in CASES if set(case) - known] == []


def test_the_stages_come_in_their_order() -> None:
    found = diagnosis.judge(evidence.Evidence())
    assert [stage.key for stage in found.stages] == list(StageKey)


def test_the_table_tells_every_situation_once() -> None:
    situations = [case["situation"] for case in CASES]
    assert len(situations) == len(set(situations)) >= 60
