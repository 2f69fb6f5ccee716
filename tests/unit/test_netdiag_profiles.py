"""Profiles: strict reading, who wins, what is taken over."""

import pytest

from netdiag.snmp import profile_format, profiles
from netdiag.snmp.toml_reader import BadProfile

LEAST = {"vendor": "Acme", "family": "OS", "match": [{"object_id": "1.3.6.1.4.1.99999"}]}


def parse(**changes):
    return profile_format.parse("acme.toml", {**LEAST, **changes})


def test_every_shipped_profile_is_well_formed():
    assert profiles.shipped()
    assert all(profile.vendor and profile.family for profile in profiles.shipped())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, r"acme.toml.colour: is no key"),
        ({"match": []}, r"acme.toml.match: is missing"),
        ({"match": [{"probe": "1.3.6.1"}]}, r"match\[0\].object_id: object_id or description is needed"),
        ({"match": [{"object_id": "enterprises.9"}]}, r"'enterprises.9' is not a numeric OID"),
        ({"match": [{"description": "("}]}, r"match\[0\].description: .* is no regular expression"),
        ({"match": [{"object_id": True}]}, r"must be a text or a list of texts, not True"),
        ({"vendor": None}, r"acme.toml.vendor: must be a text"),
        ({"vendor": " "}, r"acme.toml.vendor: is empty"),
        ({"model": [{"oid": "1.3.6.1.0", "text": "x"}]}, r"model\[0\].oid: exactly one of"),
        ({"model": [{"entity": "colour"}]}, r"model\[0\].entity: 'colour' is none of"),
        ({"model": [{"table": "models"}]}, r"model\[0\].table: there is no \[tables.models\]"),
        ({"model": {"oid": "1.3"}}, r"acme.toml.model: must be a list of tables"),
        ({"sensor": [{"kind": "cpu"}]}, r"sensor\[0\].value: holds no field"),
        ({"sensor": [{"value": {"oid": "1.3.6.0"}}]}, r"sensor\[0\].value: needs kind"),
        ({"sensor": [{"kind": "cpu", "value": "1.3.6.0"}]}, r"sensor\[0\].value: must be a table"),
        ({"sensor": [{"kind": "cpu", "value": {"oid": "1.3.6.0", "scale": 0}}]}, r"value.scale: give one"),
        (
            {"sensor": [{"kind": "cpu", "value": {"oid": "1.3.0", "colour": 1}}]},
            r"sensor\[0\].value.colour: is no",
        ),
        ({"optics": [{"rx_dbm": {"column": "1.3.6"}, "rows": "tx_dbm"}]}, r"'tx_dbm' is no field"),
        ({"optics": [{"rx_dbm": {"column": "1.3.6"}, "kind": "gpon"}]}, r"optics\[0\].kind: is no key"),
        (
            {"optics": [{"rx_dbm": {"column": "1.3.6"}, "port": {"part": 0, "name": "1.3"}}]},
            r"exactly one of part",
        ),
        ({"fdb": [{"mac": {"column": "1.3.6"}, "index": ["colour"]}]}, r"'colour' is none of"),
        ({"ports": {"name": "nickname"}}, r"ports.name: 'nickname' is none of"),
    ],
)
def test_what_is_not_of_the_format_is_refused_by_file_and_key(changes, words):
    with pytest.raises(BadProfile, match=words):
        parse(**changes)


def test_the_most_exact_profile_wins_and_a_probe_must_hold():
    plain = parse(family="plain")
    longer = parse(family="longer", match=[{"object_id": ["1.3.6.1.4.1.99999.1"]}])
    worded = parse(family="worded", match=[{"object_id": "1.3.6.1.4.1.99999", "description": "(?i)edge"}])
    probed = parse(family="probed", match=[{"object_id": "1.3.6.1.4.1.99999", "probe": "1.3.9", "rank": 4}])
    everyone = [plain, longer, worded, probed]

    def chosen(object_id, description, holds):
        found = profiles.choose(object_id, description, None, lambda oid: holds, everyone)
        return found and found.family

    assert chosen("1.3.6.1.4.1.99999.7", "Core", False) == "plain"
    assert chosen("1.3.6.1.4.1.99999.1.2", "Core", False) == "longer"
    assert chosen("1.3.6.1.4.1.99999.1.2", "EDGE", False) == "worded"
    assert chosen("1.3.6.1.4.1.99999.1.2", "EDGE", True) == "probed"
    assert chosen("1.3.6.1.4.1.999990", "EDGE", True) is None
    assert chosen(None, None, True) is None


def test_a_file_takes_over_what_it_does_not_say(tmp_path):
    (tmp_path / "base.toml").write_text(
        'vendor = "Acme"\nfamily = "Base"\n[[match]]\nobject_id = "1.3.6.1"\n[[model]]\ntext = "M"\n[[serial]]\ntext = "S"\n'
    )
    (tmp_path / "edge.toml").write_text(
        'extends = "base"\nfamily = "Edge"\n[[match]]\ndescription = "Edge"\n[[model]]\ntext = "E"\n'
    )
    _, edge = profiles.load_folder(tmp_path)
    assert (edge.vendor, edge.family) == ("Acme", "Edge")
    assert [edge.identity[field][0].text for field in ("model", "serial")] == ["E", "S"]
    (tmp_path / "base.toml").write_text('extends = "edge"\n[[match]]\nobject_id = "1.3.6.1"\n')
    with pytest.raises(BadProfile, match="circle"):
        profiles.load_folder(tmp_path)
