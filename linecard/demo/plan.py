"""The demo ISP as plain values, the same every time: the seeder writes it, the agents answer by it.

`build()` knows no date and no database; money and work, which are dated from today, are the seeder's.
"""

import functools
import random
from dataclasses import dataclass
from typing import Literal

from linecard.demo import gear, people, town
from linecard.demo.people import Party
from linecard.demo.town import District, Spot, Street

SEED = 20261122
CUSTOMERS = 200
FIRST_NUMBER = 10001
Access = Literal["ethernet", "pon", "radio"]
# What is wrong with a line: packets get lost, only long ones do, answers come late and uneven.
Trouble = Literal["", "loss", "mtu", "slow"]

# POP: how many customers by switch port, by fibre and by radio.
_SHARES = {"core": (56, 32, 0), "north": (34, 22, 0), "harbour": (20, 12, 8)}
_SWITCHES = {
    "core": ("sw-core-1", "sw-core-2", "sw-core-3"),
    "north": ("sw-north-1", "sw-north-2"),
    "harbour": ("sw-harbour-1", "sw-harbour-2"),
}
# The house each switch stands in: district, street, number.
_SWITCH_HOUSES = {
    "sw-core-1": (0, 0, 8),
    "sw-core-2": (0, 1, 12),
    "sw-core-3": (0, 2, 31),
    "sw-north-1": (1, 0, 10),
    "sw-north-2": (1, 1, 9),
    "sw-harbour-1": (2, 0, 6),
    "sw-harbour-2": (2, 1, 11),
}
_OLTS = {"core": "olt-core", "north": "olt-north", "harbour": "olt-harbour"}
_ROUTER_MODELS = ("mikrotik_hap", "keenetic_viva", "tplink_archer", "asus_rt", "dlink_dir")
_ONU_MODELS = {"core": "bdcom_onu", "north": "huawei_onu", "harbour": "zte_onu"}
_PON_MAKERS = {"bdcom_onu": "BDCM", "huawei_onu": "HWTC", "zte_onu": "ZTEG"}
_BOX_SIZE = 8
_TROUBLES: dict[tuple[Access, int], Trouble] = {
    ("ethernet", 10): "loss",
    ("ethernet", 17): "mtu",
    ("ethernet", 19): "slow",
    ("pon", 5): "slow",
    ("pon", 9): "loss",
    ("radio", 3): "loss",
    ("radio", 6): "slow",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A distribution box on a wall: a splitter where the fibres of a few customers meet."""

    key: str
    name: str
    pop: str
    spot: Spot


@dataclass(frozen=True, slots=True)
class Customer:
    """A planned customer. `mac` is what really stands behind the address, `filed_mac` what the card says.

    `if_index` is where he really is, `filed_if_index` where the card says. Without `access` nothing of him
    is on the network (a former customer, one who waits).
    """

    number: str
    party: Party
    district: District
    street: Street
    building: int
    spot: Spot
    entrance: str = ""
    floor: int | None = None
    unit: str = ""
    access: Access | None = None
    address: str = ""
    more_addresses: tuple[str, ...] = ()
    mac: str = ""
    filed_mac: str | None = None
    model: str = ""
    node: str = ""
    if_index: int = 0
    filed_if_index: int = 0
    box: str = ""
    is_alive: bool = True
    trouble: Trouble = ""
    has_agent: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address he has, the one of his device first; empty without `access`."""
        return (self.address, *self.more_addresses) if self.access else ()

    @property
    def device_key(self) -> str:
        """The key of his own device."""
        return f"cpe-{self.number}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole demo ISP."""

    districts: tuple[District, ...]
    devices: tuple[gear.Device, ...]
    boxes: tuple[Box, ...]
    customers: tuple[Customer, ...]

    @property
    def connected(self) -> tuple[Customer, ...]:
        """The customers with something on the network."""
        return tuple(customer for customer in self.customers if customer.access)

    @property
    def silent(self) -> tuple[str, ...]:
        """The addresses where nobody answers (see echo)."""
        dead = (customer for customer in self.connected if not customer.is_alive)
        return tuple(address for customer in dead for address in customer.addresses)

    def agents(self) -> tuple[gear.Device, ...]:
        """The devices whose SNMP is answered by linecard.demo.agents, customers' own among them."""
        own = [device for device in self.devices if device.snmp]
        return (*own, *(device_of(customer) for customer in self.connected if customer.has_agent))


@functools.cache
def build(seed: int = SEED) -> Plan:
    """Return the plan; the same seed gives the same plan in every process and version of Python."""
    chance = random.Random(seed)  # noqa: S311 - a plan, no secret
    houses = {
        key: town.DISTRICTS[where[0]].streets[where[1]].house(where[2])
        for key, where in _SWITCH_HOUSES.items()
    }
    devices = gear.own_devices({district.pop: district.seat for district in town.DISTRICTS}, houses)
    boxes: list[Box] = []
    customers: list[Customer] = []
    for district in town.DISTRICTS:
        _Builder(chance, district, boxes, customers).build()
    _add_unconnected(chance, customers)
    return Plan(town.DISTRICTS, tuple(devices), tuple(boxes), tuple(customers))


def device_of(customer: Customer) -> gear.Device:
    """Return the customer's own device: router, ONU or radio."""
    model = gear.models()[customer.model]
    return gear.Device(
        key=customer.device_key,
        name=f"{model.role}-{customer.number}",
        model=customer.model,
        pop=customer.district.pop,
        mac=customer.mac,
        spot=customer.spot,
        address=customer.address,
        parent=customer.node,
        snmp=gear.Snmp(community="cpe-read") if customer.has_agent else None,
        answers="yes" if customer.is_alive else "silent",
        serial=serial_of(customer),
    )


def serial_of(customer: Customer) -> str:
    """Return the serial of his device; a PON unit's is four letters and four bytes (ITU-T G.984.3)."""
    maker = _PON_MAKERS.get(customer.model) or gear.models()[customer.model].vendor[:3].upper()
    return maker + customer.mac.replace(":", "")[4:].upper()


class _Builder:
    """Places one district's customers on its streets, ports and addresses."""

    def __init__(
        self, chance: random.Random, district: District, boxes: list[Box], customers: list[Customer]
    ) -> None:
        self.chance, self.district = chance, district
        self.boxes, self.customers = boxes, customers
        self.net = gear.POP_NETS[district.pop]
        self.homes: set[tuple[str, int, str]] = set()

    def build(self) -> None:
        by_port, by_fibre, by_radio = _SHARES[self.district.pop]
        for place in range(by_port):
            self.add("ethernet", place)
        for place in range(by_fibre):
            self.add("pon", place)
        for place in range(by_radio):
            self.add("radio", place)

    def add(self, access: Access, place: int) -> None:
        """Add the customer who is the `place`-th of his kind here."""
        number = str(FIRST_NUMBER + len(self.customers))
        chance = self.chance
        node, if_index, box = self._joint(access, place)
        street, building = self._house(access, node, box)
        entrance, floor, unit = self._home(street, building)
        model = self._model(access)
        tail = f"{0x10 + place % 7:02x}:{len(self.customers):02x}:{chance.randrange(256):02x}"
        mac = f"{gear.models()[model].mac_prefix}:{tail}"
        party = _party(chance, len(self.customers), self.district.language)
        self.customers.append(
            Customer(
                number=number,
                party=party,
                district=self.district,
                street=street,
                building=building,
                spot=street.house(building),
                entrance=entrance,
                floor=floor,
                unit=unit,
                access=access,
                address=self._address(access, place),
                more_addresses=(self._address(access, place + 150),) if party.company_name else (),
                mac=mac,
                filed_mac=_filed(chance, mac),
                model=model,
                node=node,
                if_index=if_index,
                filed_if_index=self._filed_index(access, place, if_index),
                box=box,
                is_alive=place % 9 == 4 or chance.random() >= 0.07,
                trouble=_TROUBLES.get((access, place), ""),
                has_agent=place % 9 == 4 if access == "ethernet" else access == "radio" and place % 2 == 0,
            )
        )

    def _joint(self, access: Access, place: int) -> tuple[str, int, str]:
        """Return the device, its port and the box where the customer's cable goes."""
        if access == "radio":
            return "ap-harbour", 2, ""
        if access == "ethernet":
            switches = _SWITCHES[self.district.pop]
            node = switches[place % len(switches)]
            # Two flats behind one port: a small switch in the stairwell.
            turn = place // len(switches)
            turn = 4 if (place, node) == (15, "sw-core-1") else turn
        else:
            node, turn = _OLTS[self.district.pop], place // _BOX_SIZE
        ports = gear.models()[_model_of(node)].of_role("access")
        box = self._box(place // _BOX_SIZE) if access == "pon" else ""
        return node, ports[turn % len(ports)].if_index, box

    def _box(self, turn: int) -> str:
        key = f"box-{self.district.pop}-{turn + 1}"
        if all(box.key != key for box in self.boxes):
            houses = [street for street in self.district.streets if not street.is_flats]
            street = houses[turn % len(houses)]
            building = 4 + 9 * turn % max(street.last_number - 4, 1)
            name = f"{street.name} {building}"
            self.boxes.append(Box(key, name, self.district.pop, street.house(building)))
        return key

    def _house(self, access: Access, node: str, box: str) -> tuple[Street, int]:
        """Return a house near the switch or the box; radio reaches the last street alone."""
        chance, streets = self.chance, self.district.streets
        if access == "radio":
            return streets[-1], chance.randint(8, streets[-1].last_number)
        if access == "ethernet":
            _, street_at, number = _SWITCH_HOUSES[node]
            return streets[street_at], max(1, number + chance.choice((-2, 0, 0, 2)))
        name, _, house = next(each.name for each in self.boxes if each.key == box).rpartition(" ")
        street = next(each for each in streets if each.name == name)
        return street, min(max(1, int(house) + chance.randint(-4, 4)), street.last_number)

    def _home(self, street: Street, building: int) -> tuple[str, int | None, str]:
        """Return entrance, floor and flat; floor 0 for what opens on the street; none for a house."""
        chance = self.chance
        if not street.is_flats:
            return "", None, ""
        while True:
            flat = chance.randint(1, 72)
            if (street.name, building, str(flat)) not in self.homes:
                break
        self.homes.add((street.name, building, str(flat)))
        floor = (flat - 1) % 36 // 4
        return str(1 + (flat - 1) // 36), floor, str(flat)

    def _model(self, access: Access) -> str:
        if access == "radio":
            return "ubiquiti_litebeam"
        return self.chance.choice(_ROUTER_MODELS) if access == "ethernet" else _ONU_MODELS[self.district.pop]

    def _address(self, access: Access, place: int) -> str:
        third = {"ethernet": 1, "pon": 2, "radio": 3}[access]
        return f"{self.net}.{third}.{11 + place}"

    def _filed_index(self, access: Access, place: int, if_index: int) -> int:
        """Return the port on file: for two customers of each POP it is not the one they are on."""
        return if_index + 1 if access == "ethernet" and place in {6, 13} else if_index


def _model_of(node: str) -> str:
    return next(model for key, _, model, _, _ in gear.DEVICES if key == node)


def _party(chance: random.Random, place: int, language: str) -> Party:
    """Return a company now and then, else a person, mostly of the district's language."""
    if place % 12 == 7:
        number = place // 12
        party, spoken = people.company(chance, number % len(people.COMPANIES))
        if spoken == language or language != "uk":
            return party
    spoken = language if chance.random() < 0.8 else chance.choice(("uk", "pl", "en"))
    return people.person(chance, spoken)


def _filed(chance: random.Random, mac: str) -> str | None:
    """Return the MAC on file: mostly the true one, sometimes none or that of an older device."""
    luck = chance.random()
    if luck < 0.04:
        return None
    if luck < 0.09:
        return f"f4:6d:04:{chance.randrange(256):02x}:{chance.randrange(256):02x}:{chance.randrange(256):02x}"
    return mac


def _add_unconnected(chance: random.Random, customers: list[Customer]) -> None:
    """Add those who have nothing on the network: former customers, prospects, people who wait."""
    while len(customers) < CUSTOMERS:
        district = town.DISTRICTS[len(customers) % len(town.DISTRICTS)]
        street = chance.choice(district.streets)
        building = chance.randint(1, street.last_number)
        customers.append(
            Customer(
                number=str(FIRST_NUMBER + len(customers)),
                party=people.person(chance, district.language),
                district=district,
                street=street,
                building=building,
                spot=street.house(building),
                unit=str(chance.randint(1, 60)) if street.is_flats else "",
                floor=chance.randint(0, 8) if street.is_flats else None,
                is_alive=False,
            )
        )
