"""The format of a vendor's profile (profiles/README.md) as frozen values, and its strict reader."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from netdiag.snmp import row_index
from netdiag.snmp.toml_reader import BadProfile, Table

IDENTITY = ("model", "version", "serial", "hardware")
# The maker of this one device, where a family is sold under many names.
SOURCED = ("maker", *IDENTITY)
ENTITY_WORDS = frozenset(
    {"model", "version", "serial", "hardware", "firmware", "name", "description", "vendor"}
)
TYPES = frozenset({"number", "number_in_text", "text", "hex", "mac", "gpon_serial", "ip", "version_bytes"})
CONVERSIONS = frozenset({"mw_to_dbm", "w_to_dbm", "fahrenheit_to_celsius", "kelvin_to_celsius", "date_bytes"})
SENSOR_UNITS = {
    "cpu": "%", "memory": "%", "storage": "%", "temperature": "°C", "humidity": "%", "voltage": "V",
    "current": "A", "power": "W", "fan": "rpm", "fan_percent": "%", "state": "", "battery": "%", "load": "%",
    "input_voltage": "V", "output_voltage": "V", "battery_voltage": "V", "runtime": "s", "frequency": "Hz",
    "clients": "", "sessions": "", "poe": "W",
}  # fmt: skip
PEER_FIELDS = frozenset({
    "name", "mac", "ip", "signal_dbm", "remote_signal_dbm", "noise_dbm", "snr_db", "ccq_percent",
    "tx_rate_bps", "rx_rate_bps", "distance_m", "uptime_s", "ssid", "model", "version", "interface",
})  # fmt: skip
PON_KINDS = frozenset({"gpon", "epon", "xgspon"})
FIELDS: Mapping[str, frozenset[str]] = {
    "sensor": frozenset({"value", "label", "used", "free", "total"}),
    "port": frozenset({
        "name", "alias", "admin", "oper", "duplex", "speed_bps", "mtu", "mac", "poe", "poe_w", "vlan",
    }),
    "optics": frozenset({
        "name", "rx_dbm", "tx_dbm", "temperature_c", "voltage_v", "bias_ma", "wavelength_nm", "reach_m",
        "vendor", "part", "serial", "type", "rx_low_dbm", "rx_high_dbm", "tx_low_dbm", "tx_high_dbm",
    }),
    "pon": frozenset({
        "id", "name", "serial", "mac", "state", "admin", "rx_dbm", "tx_dbm", "olt_rx_dbm", "olt_tx_dbm",
        "distance_m", "last_down", "last_up", "uptime_s", "model", "vendor", "version", "temperature_c",
        "voltage_v", "bias_ma", "profile", "ip",
    }),
    "radio": PEER_FIELDS | {
        "peer_mac", "peer_name", "mode", "frequency_mhz", "width_mhz", "tx_power_dbm", "clients",
        "capacity_bps", "link", "channel",
    },
    "peer": PEER_FIELDS,
    "fdb": frozenset({"mac", "vlan", "status", "onu"}),
    "arp": frozenset({"mac", "ip", "status"}),
}  # fmt: skip
TEXT_FIELDS = frozenset({
    "label", "name", "alias", "admin", "oper", "duplex", "poe", "vendor", "part", "serial", "type", "id",
    "mac", "state", "last_down", "last_up", "model", "version", "profile", "ip", "ssid", "peer_mac",
    "peer_name", "mode", "status", "interface", "link", "onu",
})  # fmt: skip
# The least that SFF-8472 can tell, a ten-thousandth of a milliwatt.
DARK_DBM = -40.0
CASES = frozenset({"upper", "lower"})


@dataclasses.dataclass(frozen=True, slots=True)
class Where:
    """A row counts only if its value in `column` is one of `values`, or a number within the bounds."""

    column: str
    values: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """Where one value stands (scalars or a column) and how it becomes what people read."""

    oids: tuple[str, ...] = ()
    column: str | None = None
    type: str = "text"
    match: re.Pattern[str] | None = None
    ignore: tuple[Any, ...] = ()
    map: Mapping[str, Any] | None = None
    scale: float = 1.0
    offset: float = 0.0
    convert: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    join: str = "."
    template: str | None = None
    replace: tuple[tuple[re.Pattern[str], str], ...] = ()
    case: str | None = None
    key: tuple[int, ...] | None = None
    where: Where | None = None
    # What no power at all is in dBm, where that is a reading: a dark receiver.
    floor_dbm: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One place where model, version, serial or hardware may stand: one of the first five, or `read`."""

    description: re.Pattern[str] | None = None
    name: re.Pattern[str] | None = None
    table: Mapping[str, str] | None = None
    text: str | None = None
    entity: str | None = None
    read: Reading | None = None
    match: re.Pattern[str] | None = None
    map: Mapping[str, Any] | None = None
    template: str | None = None
    replace: tuple[tuple[re.Pattern[str], str], ...] = ()
    case: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PortRule:
    """How a row tells its port: a part of its index, a column with its ifIndex, or one with its name."""

    part: int | None = None
    column: str | None = None
    name: str | None = None
    kind: str = "if_index"
    offset: int = 0
    clear: int = 0
    bits: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    template: str | None = None
    key: tuple[int, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """One `[[sensor]]`, `[[optics]]`, `[[pon]]` ...: its fields, and what its rows are."""

    fields: Mapping[str, Reading]
    kind: str | None = None
    name: str | None = None
    rows: str | None = None
    port: PortRule | None = None
    index: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """One way to know the family: all that is given must hold; `rank` is added to how exact it is."""

    object_ids: tuple[str, ...] = ()
    descriptions: tuple[re.Pattern[str], ...] = ()
    names: tuple[re.Pattern[str], ...] = ()
    probes: tuple[str, ...] = ()
    rank: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """All that one file says of one family of devices."""

    file: str
    vendor: str | None
    family: str | None
    extends: str | None
    matches: tuple[Match, ...]
    identity: Mapping[str, tuple[Source, ...]]
    sections: Mapping[str, tuple[Section, ...]]
    port_name: str | None = None
    vlan_contexts: str | None = None
    # Tables of VLAN tags, each with the column of its rows' filtering databases if it is not the row itself.
    vlan_tags: tuple[tuple[str, str | None], ...] = ()
    bridge_ports: str | None = None
    bridge_port_names: tuple[str, ...] = ()
    entity_sensors: str | None = None


def parse(file: str, found: Mapping[str, Any]) -> Profile:
    """Return the profile a TOML document describes; raises BadProfile with file, key and fault."""
    table = Table(file, found)
    table.shared = _tables(table.table("tables"))
    ports = table.table("ports")
    profile = Profile(
        file=file,
        vendor=table.text("vendor"),
        family=table.text("family"),
        extends=table.text("extends"),
        matches=tuple(_match(one) for one in table.tables("match")),
        identity={
            field: tuple(_source(one) for one in table.tables(field)) for field in SOURCED if table.has(field)
        },
        sections={
            name: tuple(_section(name, one) for one in table.tables(name))
            for name in FIELDS
            if table.has(name)
        },
        port_name=ports.word("name", frozenset({"name", "descr", "alias"})) if ports else None,
        vlan_contexts=table.oid("vlan_contexts"),
        vlan_tags=tuple(_vlan_tags(one) for one in table.tables("vlan_tags")),
        bridge_ports=table.oid("bridge_ports"),
        bridge_port_names=tuple(table.plain_list("bridge_port_names")),
        entity_sensors=table.oid("entity_sensors"),
    )
    if ports:
        ports.end()
    table.end()
    if not profile.matches:
        raise table.fault("match", "is missing: nothing would ever choose this profile")
    if not profile.extends and not (profile.vendor and profile.family):
        raise table.fault("vendor", "vendor and family are needed, unless the file extends another")
    return profile


def _tables(table: Table | None) -> dict[str, Mapping[str, Any]]:
    """Return the `[tables.NAME]` of a file; their keys are OIDs or texts."""
    if table is None:
        return {}
    return {name: table.mapping(name) or {} for name in table.names()}


def _vlan_tags(table: Table) -> tuple[str, str | None]:
    tag, database = table.oid("tag"), table.oid("fdb")
    table.end()
    if tag is None:
        raise table.fault("tag", "is missing")
    return tag, database


def _match(table: Table) -> Match:
    made = Match(
        object_ids=table.oids("object_id"),
        descriptions=table.patterns("description"),
        names=table.patterns("name"),
        probes=table.oids("probe"),
        rank=table.integer("rank") or 0,
    )
    table.end()
    if not (made.object_ids or made.descriptions):
        raise table.fault(
            "object_id", "object_id or description is needed: a probe alone would ask every device"
        )
    return made


def _source(table: Table) -> Source:
    is_read = table.has("oid") or table.has("column")
    made = Source(
        description=table.pattern("description"),
        name=table.pattern("name"),
        table=table.mapping("table"),
        text=table.text("text"),
        entity=table.word("entity", ENTITY_WORDS),
        read=_reading(table, "text") if is_read else None,
        match=None if is_read else table.pattern("match"),
        map=None if is_read else table.mapping("map"),
        template=None if is_read else table.text("template"),
        replace=() if is_read else table.replacements("replace"),
        case=None if is_read else table.word("case", CASES),
    )
    table.end()
    kinds = (made.description, made.name, made.table, made.text, made.entity, made.read)
    if sum(kind is not None for kind in kinds) != 1:
        raise table.fault(
            "oid", "exactly one of description, name, table, text, entity, oid, column is needed"
        )
    return made


def _reading(table: Table, default_type: str) -> Reading:
    oids, column = table.oids("oid"), table.oid("column")
    if bool(oids) == bool(column):
        raise table.fault("oid", "exactly one of oid (a scalar, with its .0) and column is needed")
    where = table.table("where")
    return Reading(
        oids=oids,
        column=column,
        type=table.word("type", TYPES) or default_type,
        match=table.pattern("match"),
        ignore=table.plain_list("ignore"),
        map=table.mapping("map"),
        scale=_scale(table),
        offset=table.number("offset") or 0.0,
        convert=table.word("convert", CONVERSIONS),
        minimum=table.number("min"),
        maximum=table.number("max"),
        join="." if (join := table.between("join")) is None else join,
        template=table.text("template"),
        replace=table.replacements("replace"),
        case=table.word("case", CASES),
        key=_integers(table, "key"),
        where=_where(where) if where else None,
    )


def _scale(table: Table) -> float:
    scale, divisor = table.number("scale"), table.number("divisor")
    if scale == 0 or divisor == 0 or (scale is not None and divisor is not None):
        raise table.fault("scale", "give one of scale and divisor, and not zero")
    return 1 / divisor if divisor else 1.0 if scale is None else scale


def _where(table: Table) -> Where:
    made = Where(table.oid("column") or "", table.plain_list("is"), table.number("min"), table.number("max"))
    table.end()
    is_bound = made.minimum is not None or made.maximum is not None
    if not made.column or bool(made.values) == is_bound:
        raise table.fault("column", "where needs column, and either is = [...] or min and max")
    return made


def _integers(table: Table, key: str) -> tuple[int, ...] | None:
    if not table.has(key):
        return None
    found = table.plain_list(key)
    if not found or not all(isinstance(one, int) for one in found):
        raise table.fault(key, "must be a list of integers")
    return tuple(found)


def _section(name: str, table: Table) -> Section:
    fields: dict[str, Reading] = {}
    kinds = frozenset(SENSOR_UNITS) if name == "sensor" else PON_KINDS
    kind = table.word("kind", kinds) if name in {"sensor", "pon"} else None
    rows, fixed, index = table.text("rows"), table.text("title"), table.plain_list("index")
    port = table.table("port")
    rule = _port_rule(port) if port else None
    for field in [one for one in table.names() if one in FIELDS[name]]:
        made = _field(table, field)
        is_dark = name == "optics" and field in {"rx_dbm", "tx_dbm"}
        fields[field] = dataclasses.replace(made, floor_dbm=DARK_DBM) if is_dark else made
    table.end()
    section = Section(fields, kind, fixed, rows, rule, tuple(index))
    _check_section(name, table, section)
    return section


def _field(table: Table, field: str) -> Reading:
    default = "text" if field in TEXT_FIELDS else "number"
    default = "mac" if field in {"mac", "peer_mac"} else "ip" if field == "ip" else default
    try:
        inner = table.table(field)
    except BadProfile:
        raise table.fault(field, 'must be a table: { oid = "..." } or { column = "..." }') from None
    assert inner is not None
    made = _reading(inner, default)
    inner.end()
    return made


def _check_section(name: str, table: Table, made: Section) -> None:
    is_named_by_index = bool(made.index and made.port and (made.port.column or made.port.name))
    if not made.fields and not is_named_by_index:
        raise table.fault("value", "holds no field")
    if made.rows is not None and made.rows not in made.fields:
        raise table.fault("rows", f"{made.rows!r} is no field of this section")
    if bad := [word for word in made.index if word not in row_index.WORDS]:
        raise table.fault("index", f"{bad[0]!r} is none of {', '.join(sorted(row_index.WORDS))}")
    if name == "sensor":
        is_share = sum(part in made.fields for part in ("used", "free", "total")) >= 2
        if made.kind is None or ("value" in made.fields) == is_share:
            raise table.fault("value", "needs kind, and either value or two of used, free, total")


def _port_rule(table: Table) -> PortRule:
    bits = table.table("bits")
    made = PortRule(
        part=table.integer("part"),
        column=table.oid("column"),
        name=table.oid("name"),
        kind=table.word("is", frozenset({"if_index", "bridge_port", "pse_port"})) or "if_index",
        offset=table.integer("offset") or 0,
        clear=table.integer("clear") or 0,
        bits={name: _bits(bits, name) for name in bits.names()} if bits else {},
        template=table.text("template"),
        key=_integers(table, "key"),
    )
    table.end()
    if sum(one is not None for one in (made.part, made.column, made.name)) != 1:
        raise table.fault("part", "exactly one of part, column, name is needed")
    if not 0 <= made.clear <= 32:
        raise table.fault("clear", "must be a number of bits")
    return made


def _bits(table: Table, name: str) -> tuple[int, int]:
    found = _integers(table, name) or ()
    if len(found) != 2 or not all(0 <= one <= 32 for one in found):
        raise table.fault(name, "must be [lowest bit, number of bits]")
    return found[0], found[1]
