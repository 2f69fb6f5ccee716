"""Profiles: texts mended by replace and case, and OIDs that begin with the device's own sysObjectID."""

import pytest

from netdiag.snmp import conversions, profile_format, profiles
from netdiag.snmp.toml_reader import BadProfile

LEAST = {"vendor": "Acme", "family": "OS", "match": [{"object_id": "1.3.6.1.4.1.99999"}]}


def parse(**changes):
    return profile_format.parse("acme.toml", {**LEAST, **changes})


def test_a_text_is_cut_mended_and_written_in_one_case():
    found = parse(model=[{
        "description": "^Acme (.+), rev", "replace": [[r"\s+Switch\b", ""], [r"^(\S+) (\S+)$", r"\2 (\1)"]],
        "case": "upper",
    }])  # fmt: skip
    (source,) = found.identity["model"]
    text = conversions.group(source.description, "Acme j9773a 2530-24g Switch, rev 3")
    assert conversions.finish_text(source, text) == "2530-24G (J9773A)"


def test_a_reading_may_mend_its_text_too():
    found = parse(version=[{"oid": "1.3.6.1.0", "replace": [["^V(?=[0-9])", ""]], "case": "lower"}])
    reading = found.identity["version"][0].read
    assert conversions.apply(reading, b"V6.4.1 GA") == "6.4.1 ga"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replace": [["a"]]}, "must hold pairs"),
        ({"replace": [["(", ""]]}, "is no regular expression"),
        ({"replace": [["(a)", r"\2"]]}, "cannot take its place"),
        ({"case": "title"}, "'title' is none of lower, upper"),
    ],
)
def test_a_replacement_that_cannot_work_is_refused(changes, words):
    with pytest.raises(BadProfile, match=words):
        parse(model=[{"description": "x", **changes}])


def test_an_oid_may_begin_with_the_devices_own_object_id():
    made = parse(
        match=[{"object_id": "1.3.6.1.4.1.99999", "probe": "{object_id}.1"}],
        serial=[{"oid": ["{object_id}.1.3.0", "{object_id:7}.9.0"]}],
        sensor=[
            {
                "kind": "cpu",
                "value": {"column": "{object_id:8}.2", "where": {"column": "{object_id}.4", "is": [1]}},
            }
        ],
    )
    asked = []
    found = profiles.choose(
        "1.3.6.1.4.1.99999.5.6", None, None, lambda oid: asked.append(oid) or True, [made]
    )
    assert asked == ["1.3.6.1.4.1.99999.5.6.1"]
    assert found.identity["serial"][0].read.oids == ("1.3.6.1.4.1.99999.5.6.1.3.0", "1.3.6.1.4.1.99999.9.0")
    value = found.sections["sensor"][0].fields["value"]
    assert (value.column, value.where.column) == ("1.3.6.1.4.1.99999.5.2", "1.3.6.1.4.1.99999.5.6.4")


@pytest.mark.parametrize(
    "oid", ["{object_id", "{object_id}.x", "{object_id:}.1", "{object}.1", "{object_id}1"]
)
def test_a_relative_oid_must_still_be_one(oid):
    with pytest.raises(BadProfile, match="is not a numeric OID"):
        parse(serial=[{"oid": oid}])
