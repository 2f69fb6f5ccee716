"""The sentences of the diagnosis: stored as templates, told in any language, and without what is private."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_file

from core import sentences
from core.sentences import Voice
from netdiag import diagnosis
from netdiag.diagnosis import evidence
from netdiag.text import N_, NN_, Number, Private
from registry import shared_runs
from tests.unit.test_diagnosis_cases import CASES, evidence_of

ROOT = Path(__file__).parents[2]
KEYWORDS = {"N_": None, "NN_": (1, 2)}
EVERY = pytest.mark.parametrize("case", CASES, ids=[case["situation"] for case in CASES])


def stored(case: dict[str, Any]) -> dict[str, Any]:
    """Return what the row of a run keeps of the case."""
    found: dict[str, Any] = json.loads(json.dumps(diagnosis.judge(evidence_of(case)).as_dict()))
    return found


def every_one(found: Any) -> Iterator[dict[str, Any]]:
    """Yield every sentence, those inside others too."""
    if isinstance(found, dict):
        if "template" in found:
            yield found
        for one in found.values():
            yield from every_one(one)
    elif isinstance(found, list):
        for one in found:
            yield from every_one(one)


def test_what_is_stored_is_told_in_the_same_english() -> None:
    for case in CASES:
        verdict = diagnosis.judge(evidence_of(case)).verdict
        told = sentences.tell_all(stored(case))["verdict"]
        assert told["headline"] == str(verdict.headline)
        assert told["say"] == str(verdict.say)
        assert told["doubts"] == [str(one) for one in verdict.doubts]
        assert told["also"] == [str(one) for one in verdict.also]


def test_every_template_is_one_that_the_catalogue_can_hold() -> None:
    extracted: set[Any] = set()
    for path in (*(ROOT / "netdiag/diagnosis").glob("*.py"), *(ROOT / "tasks").glob("diagnosis*.py")):
        for _, message, _, _ in extract_from_file("python", str(path), keywords=KEYWORDS):
            extracted.update([message] if isinstance(message, str) else message)
    used = {
        one[name]
        for case in CASES
        for one in every_one(stored(case))
        for name in ("template", "many")
        if name in one
    }
    assert used - extracted == {"%(value)s", "%(why)s"}, "these two are nothing but their value"


def test_another_language_changes_every_word_but_the_values() -> None:
    def shout(template: str) -> str:
        return re.sub(
            r"%\(\w+\)s|.", lambda found: found[0] if len(found[0]) > 1 else found[0].upper(), template
        )

    voice = Voice(shout, lambda one, many, count: shout(many), "uk")
    case = next(one for one in CASES if one["situation"] == "One of five is lost: too few to be sure")
    assert sentences.tell_all(stored(case), voice)["verdict"]["headline"] == (
        "20 % OF THE ECHOES ARE LOST (4 OF 5 ANSWERED)"
    )
    assert sentences.tell(N_("%(number)s ms", number=Number(1.25, 2)).stored(), voice) == "1,25 MS"
    assert sentences.tell(NN_("%(count)s port", "%(count)s ports", 1).stored(), voice) == "1 PORTS"


def test_a_translation_that_names_no_such_value_falls_back_to_english() -> None:
    text = N_("Port %(port)s has no link", port="ge1").stored()
    assert sentences.tell(text, Voice(lambda _: "%(porto)s senza link")) == "Port ge1 has no link"
    assert sentences.tell("an old sentence with 5 % loss") == "an old sentence with 5 % loss"
    assert sentences.tell(None) == ""


def private_words(found: evidence.Evidence) -> set[str]:
    """Return what the evidence holds that is nobody else's business."""
    secret: set[str] = set()
    if not isinstance(found.account, evidence.NotChecked):
        secret |= {found.account.gate_error, *(lock.note for lock in found.account.locks)}
    if not isinstance(found.incident, evidence.NotChecked):
        secret |= {one.title for one in found.incident.incidents}
    if not isinstance(found.onu, evidence.NotChecked):
        secret |= {found.onu.name}
    if not isinstance(found.mac, evidence.NotChecked):
        secret |= {*found.mac.on_file, *(str(words) for _, words in found.mac.owners)}
        secret |= set() if isinstance(found.mac.on_port, evidence.NotChecked) else set(found.mac.on_port)
    if not isinstance(found.addresses, evidence.NotChecked):
        for one in found.addresses.addresses:
            secret |= {one.address, one.mac_on_file or "", *(str(words) for _, words in one.owners)}
            secret |= set() if isinstance(one.answer, evidence.NotChecked) else set(one.answer.macs)
            secret |= set() if isinstance(one.ping, evidence.NotChecked) else set(one.ping.reasons)
        if isinstance(found.addresses.session, evidence.SessionEvidence):
            secret |= {str(found.addresses.session.words)}
    if not isinstance(found.neighbours, evidence.NotChecked):
        secret |= {one.name for one in found.neighbours.groups if one.scope == "building"}
    return secret - {""}


@EVERY
def test_who_opens_a_shared_link_reads_nothing_private(case: dict[str, Any]) -> None:
    page = json.dumps(shared_runs.frozen({**stored(case), "measured": {}}, "the place"), ensure_ascii=False)
    assert [word for word in private_words(evidence_of(case)) if word in page] == []
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|(?:[0-9a-f]{2}:){5}", page)
    assert '"private"' not in page
    told = json.dumps(sentences.tell_all(json.loads(page)))
    assert "template" not in told


def test_a_shared_headline_keeps_its_sentence_without_the_address() -> None:
    text = N_("Nobody answers for %(address)s", address=Private("10.0.0.9")).stored()
    assert sentences.tell(sentences.public(text)) == "Nobody answers for …"
    assert sentences.public("10.0.0.9 is silent") == "", "an old sentence may name anything"
