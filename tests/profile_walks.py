"""Small walks of devices as literal values, read over loopback with the shipped profiles."""

from pysnmp.proto.rfc1902 import ObjectIdentifier, TimeTicks

from netdiag import status
from netdiag.snmp import profiles
from netdiag.testing import FakeSnmp

LINUX = "1.3.6.1.4.1.8072.3.2.10"


def walk(description, object_id, *parts, base="1.3.6.1.4.1."):
    """Return a system group, and values by OIDs under `base`; an OID that begins with "=" is whole."""
    values = {
        "1.3.6.1.2.1.1.1.0": description,
        "1.3.6.1.2.1.1.2.0": ObjectIdentifier(object_id),
        "1.3.6.1.2.1.1.3.0": TimeTicks(100),
    }
    for part in parts:
        values |= {
            oid.removeprefix("=") if oid[0] == "=" else base + oid: value for oid, value in part.items()
        }
    return values


def column(oid, rows):
    """Return one column of a table: index -> value."""
    return {f"{oid}.{index}": value for index, value in rows.items()}


def table(base, index, **columns):
    """Return one row: `c4=...` is column 4 of the table under `base`."""
    return {f"{base}.{name[1:]}.{index}": value for name, value in columns.items()}


def read(values):
    """Return the status a device with these values gives."""
    with FakeSnmp(values) as device:
        return status.read(device.target(), has_fdb=False)


def said(result):
    """Return the fields of a result that hold something, without its place."""
    plain = {field: value for field, value in result.as_dict().items() if value is not None}
    return {field: value for field, value in plain.items() if field not in {"if_index", "is_peer"}}


def assert_known_alone(values, object_id, description):
    """Fail if two profiles know a device with these values equally well."""
    scores = {}
    for profile in profiles.shipped():
        for match in profile.matches:
            score = profiles.exactness(match, object_id, description, "")
            if score is not None and all(
                any(profiles.is_under(oid, probe) for oid in values) for probe in match.probes
            ):
                scores[profile.file] = max(score, scores.get(profile.file, 0))
    best = [file for file, score in scores.items() if score == max(scores.values())]
    assert len(best) == 1, best
