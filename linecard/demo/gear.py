"""The demo's devices: what each model says of itself (recordings/*.toml), and which of them stand where."""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from linecard.demo.town import Spot

PortRole = Literal["access", "uplink", "subscribers"]
Answers = Literal["yes", "silent", "closed"]
SNMP_PORT = 10161  # below 1024 only root may listen

_RECORDINGS = Path(__file__).with_name("recordings")
_NUMBER = re.compile(r"\{n([+-]\d+)?\}")


@dataclass(frozen=True, slots=True)
class ModelPort:
    """A port of a model: ifIndex, ifName, ifType (IANAifType-MIB), nominal speed, what it leads to."""

    if_index: int
    name: str
    kind: int
    mbps: int
    role: PortRole


@dataclass(frozen=True, slots=True)
class Model:
    """A model of device as recorded; `forwarding` names the MIB its forwarding table is in."""

    key: str
    name: str
    vendor: str
    role: str
    mac_prefix: str
    description: str
    object_id: str
    software: str
    uptime_days: int
    forwarding: Literal["qbridge", "bridge", "none"]
    ports: tuple[ModelPort, ...]

    def of_role(self, role: PortRole) -> tuple[ModelPort, ...]:
        """Return the ports that lead to customers, or up, or the VLAN interface of all subscribers."""
        return tuple(port for port in self.ports if port.role == role)


@dataclass(frozen=True, slots=True)
class Snmp:
    """What opens an agent. `is_filed_wrong`: the community on file is not the agent's, as it happens."""

    version: Literal["2c", "3"] = "2c"
    community: str = "demo-read"
    user: str = "noc"
    auth_protocol: str = "SHA256"
    auth_key: str = "demo-auth-key"
    priv_protocol: str = "AES"
    priv_key: str = "demo-priv-key"
    is_filed_wrong: bool = False

    @property
    def filed_community(self) -> str:
        """What stands on file."""
        return "public" if self.is_filed_wrong else self.community


@dataclass(frozen=True, slots=True)
class Device:
    """A planned device of the ISP or of a customer; `snmp` is None where nothing can be asked.

    `answers` is what becomes of a question: an answer, silence, or a closed port.
    """

    key: str
    name: str
    model: str
    pop: str
    mac: str
    spot: Spot
    address: str | None = None
    parent: str | None = None
    snmp: Snmp | None = None
    answers: Answers = "yes"
    is_gateway: bool = False
    serial: str = ""


@functools.cache
def models() -> Mapping[str, Model]:
    """Read every recording; the key is the file's name."""
    return {path.stem: _read(path) for path in sorted(_RECORDINGS.glob("*.toml"))}


def _read(path: Path) -> Model:
    recorded = tomllib.loads(path.read_text(encoding="utf-8"))
    ports: list[ModelPort] = []
    for block in recorded.pop("ports"):
        for number in range(1, block["count"] + 1):
            index = block["first_index"] + (number - 1) * block.get("first_step", 1)
            name = _port_name(block["name"], number)
            ports.append(ModelPort(index, name, block["kind"], block["mbps"], block["role"]))
    return Model(key=path.stem, ports=tuple(sorted(ports, key=lambda port: port.if_index)), **recorded)


def _port_name(pattern: str, number: int) -> str:
    """Fill {n} or {n+24} of a recorded name."""
    return _NUMBER.sub(lambda found: str(number + int(found[1] or 0)), pattern)


# Key, name, model, POP, what it hangs on.
DEVICES: tuple[tuple[str, str, str, str, str | None], ...] = (
    ("rt-core", "rt-core.demo.example.net", "mikrotik_ccr", "core", None),
    ("sw-core-1", "sw-kabelna-8", "dlink_des3200", "core", "rt-core"),
    ("sw-core-2", "sw-yavorova-12", "huawei_s2352", "core", "rt-core"),
    ("sw-core-3", "sw-optychnyi-31", "eltex_mes2428", "core", "rt-core"),
    ("olt-core", "olt-ratusha", "bdcom_p3310", "core", "rt-core"),
    ("rt-north", "rt-north.demo.example.net", "cisco_asr", "north", "rt-core"),
    ("sw-north-1", "sw-lipowa-10", "tplink_t2600", "north", "rt-north"),
    ("sw-north-2", "sw-swiatlowodowa-9", "zte_5928", "north", "rt-north"),
    ("olt-north", "olt-brod", "huawei_ma5608t", "north", "rt-north"),
    ("rt-harbour", "rt-harbour.demo.example.net", "edgerouter", "harbour", "rt-core"),
    ("sw-harbour-1", "sw-ropewalk-6", "mikrotik_crs", "harbour", "rt-harbour"),
    ("sw-harbour-2", "sw-customs-11", "dlink_des3200", "harbour", "rt-harbour"),
    ("olt-harbour", "olt-light", "zte_c320", "harbour", "rt-harbour"),
    ("ap-harbour", "ap-lantern-tower", "ubiquiti_rocket", "harbour", "rt-harbour"),
)
_SNMP: Mapping[str, Snmp] = {
    "rt-north": Snmp(community="north-read"),
    "sw-core-3": Snmp(version="3"),
    "sw-harbour-1": Snmp(version="3", auth_protocol="SHA", auth_key="harbour-auth", priv_key="harbour-priv"),
    "sw-north-2": Snmp(community="other-than-on-file", is_filed_wrong=True),
}
_ANSWERS: Mapping[str, Answers] = {"sw-harbour-2": "closed", "olt-harbour": "silent"}
POP_NETS = {"core": "127.20", "north": "127.21", "harbour": "127.22"}
VLANS = {"core": 110, "north": 210, "harbour": 310}


def own_devices(seats: Mapping[str, Spot], houses: Mapping[str, Spot]) -> list[Device]:
    """Return the ISP's routers, switches, OLTs and the radio: at the POP, or where `houses` says."""
    devices: list[Device] = []
    numbers = dict.fromkeys(POP_NETS, 0)
    for place, (key, name, model, pop, parent) in enumerate(DEVICES, start=1):
        numbers[pop] += 1
        devices.append(
            Device(
                key=key,
                name=name,
                model=model,
                pop=pop,
                mac=f"{models()[model].mac_prefix}:d0:00:{place:02x}",
                spot=houses.get(key, seats[pop]),
                address=f"{POP_NETS[pop]}.0.{numbers[pop]}",
                parent=parent,
                snmp=_SNMP.get(key, Snmp()),
                answers=_ANSWERS.get(key, "yes"),
                is_gateway=key.startswith("rt-"),
                serial=f"LC{pop[:1].upper()}{2_026_000 + place}",
            )
        )
    return devices
