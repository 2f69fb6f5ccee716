"""Points the demo at the laboratory: a POP, its gear, and customers whose lines close on a real filter.

Customers c1 to c12 of the laboratory's plan become LAB-1 to LAB-12, with these stories:

    c9        owes: tonight's plan cuts him at the gateway
    c3        owes: tonight's plan cuts him at his switch port
    c12       owes, and a person locked his line as well: paying alone does not open it
    c10       owes, and is never cut
    c11       owes, and promised to pay
    others    paid
"""

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import access, accounts, acts, charges, ledger, payments, promises, subscriptions, suspensions
from billing import rules as rules_
from billing.models import LockReason, Method, Plan
from core import clock, db, secrets
from core.secrets import Cipher
from core.settings import Settings
from linecard.lab import plan as plans
from registry import (
    addresses,
    audit,
    connections,
    contacts,
    customers,
    device_types,
    equipment,
    line_gates,
    lines,
    networks,
    pops,
)
from registry.models import (
    AddressKind,
    Customer,
    CustomerKind,
    CustomerStatus,
    Device,
    DeviceRole,
    DeviceType,
    Line,
    LineGate,
    Network,
    Pop,
)

POP = "lab"
ACTOR = audit.Actor(None, "lab")
AUTHOR = ledger.Author("lab")
GATEWAY_GATE, PORT_GATE = "Laboratory gateway", "Laboratory switch ports"
PLAN, PRICE_MINOR = "Laboratory 100", 25_000
DEBTORS, NEVER_CUT, PROMISED, LOCKED, BY_PORT = ("c3", "c9", "c12"), "c10", "c11", "c12", "c3"
_COMPANIES = ("c11", "c12")
_ROLES = {"switch": DeviceRole.SWITCH, "gateway": DeviceRole.ROUTER, "cpe": DeviceRole.CPE}
_TYPES = {"switch": "Laboratory switch", "gateway": "Laboratory gateway", "cpe": "Laboratory router"}
_COLOURS = {"core": "#6c757d", "yard": "#2f9e44", "street": "#e8590c", "hill": "#9c36b5"}


def number_of(key: str) -> str:
    """Return the customer number of the laboratory's customer `c1` to `c12`."""
    return f"LAB-{key[1:]}"


def point_at_lab(settings: Settings, database: db.Database, lab: plans.Plan) -> None:
    """Write the laboratory's records, those that are missing, and let its gates work on the lab that stands.

    Raises Invalid when no key is set that seals the credentials, Unavailable.
    """
    ring = secrets.Ring([key.get_secret_value() for key in settings.secrets.keys])
    with database.transaction() as session:
        if session.scalar(select(Pop.id).where(Pop.code == POP)) is None:
            _Writer(session, settings, lab, ring).write()
        _set_gates(session, lab)


def point_away(database: db.Database) -> bool:
    """Put the laboratory's lines on dry run, since it is gone; return whether there were records of it."""
    with database.transaction() as session:
        return _set_gates(session, None)


def _set_gates(session: Session, lab: plans.Plan | None) -> bool:
    """Set what the two gates are, and have every line told anew: a lab just built lets everybody through."""
    gates = list(session.scalars(select(LineGate).where(LineGate.name.in_((GATEWAY_GATE, PORT_GATE)))))
    for gate in gates:
        is_gateway = gate.name == GATEWAY_GATE
        gate.kind, gate.options = "dry_run", {}
        if lab:
            gate.kind = lab.gate_kind if is_gateway else "snmp_port"
            gate.options = dict(lab.gate_settings) if is_gateway else {}
        gate.error, gate.failing_since = "", None
    session.flush()
    told = session.scalars(
        select(Line.subscription_id).where(Line.gate_id.in_([gate.id for gate in gates]))
    ).all()
    access.tell_again(session, told)
    return bool(gates)


class _Writer:
    """Writes it all in one session."""

    def __init__(self, session: Session, settings: Settings, lab: plans.Plan, ring: Cipher) -> None:
        self.session, self.settings, self.lab, self.ring = session, settings, lab, ring
        self.today = clock.today(settings.isp.time_zone)
        self.rules = rules_.rules_of(settings)
        self.networks: dict[str, Network] = {}
        self.devices: dict[str, Device] = {}

    def write(self) -> None:
        """POP, gear and gates first, then one customer after the other."""
        place = (self.settings.map.latitude + 0.006, self.settings.map.longitude - 0.028)
        self.pop = pops.create(
            self.session, ACTOR, code=POP, name="Laboratory", latitude=place[0], longitude=place[1]
        )
        self.place = place
        self.plan = Plan(
            name=PLAN,
            price_minor=PRICE_MINOR,
            currency=self.settings.isp.currency,
            down_kbps=100_000,
            up_kbps=100_000,
        )
        self.session.add(self.plan)
        self.gates = {
            name: line_gates.create(
                self.session, ACTOR, name=name, kind="dry_run", options={}, pop_id=self.pop.id
            )
            for name in (GATEWAY_GATE, PORT_GATE)
        }
        self._write_gear()
        self._write_networks()
        for customer in self.lab.customers:
            self._write_customer(customer)

    def _write_gear(self) -> None:
        self.types: dict[str, DeviceType] = {
            kind: device_types.create(
                self.session, ACTOR, name=name, role=_ROLES[kind], vendor="Linecard", web_scheme=""
            )
            for kind, name in _TYPES.items()
        }
        for device in self.lab.devices:
            if device.kind != "cpe":
                self.devices[device.key] = self._device(device)
        for port in self.lab.switch.ports:
            equipment.ensure_port(
                self.session,
                self.devices["sw"].id,
                port.if_index,
                name=port.name,
                is_uplink=port.role != "customer",
            )

    def _device(self, device: plans.Device) -> Device:
        row = equipment.create(
            self.session,
            ACTOR,
            name=device.name,
            type_id=self.types[device.kind].id,
            pop_id=self.pop.id,
            address=device.address,
            is_gateway=device.kind == "gateway",
        )
        # The gateway by v3; the switch by the community that may also write: its ports are a gate.
        self._set_credentials(row, device.snmp, is_v3=device.kind == "gateway")
        return row

    def _set_credentials(self, row: Device, snmp: plans.Snmp, *, is_v3: bool) -> None:
        v3 = {
            "version": "3",
            "user": snmp.user,
            "auth_protocol": snmp.auth_protocol,
            "auth_key": snmp.auth_key,
            "priv_protocol": snmp.priv_protocol,
            "priv_key": snmp.priv_key,
        }
        found = v3 if is_v3 else {"version": "2c", "community": snmp.write_community}
        equipment.set_credentials(self.session, ACTOR, row.id, self.ring, snmp=found)

    def _write_networks(self) -> None:
        for segment in self.lab.segments:
            self.networks[segment.name] = networks.create(
                self.session,
                ACTOR,
                name=f"Laboratory {segment.name}",
                cidr=segment.network,
                pop_id=self.pop.id,
                gateway_id=self.devices["gw"].id,
                colour=_COLOURS[segment.name],
                vlan=segment.vlan,
            )

    def _write_customer(self, planned: plans.Customer) -> None:
        row = self._customer(planned)
        line = self._line(planned, row)
        device = equipment.create(
            self.session,
            ACTOR,
            name=f"router {row.number}",
            type_id=self.types["cpe"].id,
            customer_id=row.id,
            pop_id=self.pop.id,
            parent_id=self.devices["sw" if planned.port else "gw"].id,
            address=planned.address,
            mac=planned.mac,
        )
        agent = {device.address: device for device in self.lab.devices if device.kind == "cpe"}
        if planned.address in agent:
            self._set_credentials(device, agent[planned.address].snmp, is_v3=True)
        # c7 has the address of c6, by mistake: it can be on file for one of them only.
        if planned.key != "c7":
            networks.give(
                self.session,
                ACTOR,
                row.id,
                address=planned.address,
                mac=planned.mac,
                line_id=line.id,
                device_id=device.id,
            )
        if planned.port:
            port = next(port for port in self.lab.switch.ports if port.name == planned.port)
            known = equipment.ensure_port(self.session, self.devices["sw"].id, port.if_index)
            self.session.refresh(known, ["device"])
            connections.connect(self.session, ACTOR, row.id, known.id, line_id=line.id, vlan=port.vlan)
        self._write_debt(planned.key, row, line)

    def _customer(self, planned: plans.Customer) -> Customer:
        first, _, last = planned.name.partition(" ")
        is_company = planned.key in _COMPANIES
        row = customers.create(
            self.session,
            ACTOR,
            currency=self.settings.isp.currency,
            number=number_of(planned.key),
            kind=CustomerKind.COMPANY if is_company else CustomerKind.PERSON,
            company_name=planned.name if is_company else "",
            first_name="" if is_company else first,
            last_name="" if is_company else last,
            status=CustomerStatus.CONNECTED,
        )
        address = addresses.save(
            self.session,
            ACTOR,
            row.id,
            AddressKind.VISITING,
            street=f"Laboratory {planned.segment}",
            building=planned.key[1:],
            city="Laboratory",
        )
        turn = int(planned.key[1:])
        address.latitude = self.place[0] + 0.0006 * (turn % 4)
        address.longitude = self.place[1] + 0.0009 * (turn // 4)
        contacts.add(
            self.session, ACTOR, row.id, name=planned.name, phone=f"+38044555{turn:04d}", region="UA"
        )
        return row

    def _line(self, planned: plans.Customer, row: Customer) -> Line:
        starts_on = _months_back(self.today, 3)
        terms = acts.terms_of(self.settings)
        subscription = subscriptions.start(
            self.session,
            row.account_id,
            acts.Act(starts_on, terms, AUTHOR),
            choice=subscriptions.Choice(self.plan.id),
            starts_on=starts_on,
        )
        # Each month in its own time: what is charged late falls due late.
        for months in (2, 1, 0):
            first = _months_back(self.today, months)
            charges.run(self.session, acts.Act(first, terms, AUTHOR), account_id=row.account_id)
        gate = self.gates[PORT_GATE if planned.key == BY_PORT else GATEWAY_GATE]
        return lines.attach(
            self.session,
            subscription.id,
            row.id,
            actor=ACTOR,
            pop_id=self.pop.id,
            gate_id=gate.id,
            today=self.today,
        )

    def _write_debt(self, key: str, row: Customer, line: Line) -> None:
        session, account_id = self.session, row.account_id
        if key == NEVER_CUT:
            accounts.set_terms(
                session,
                account_id,
                payment_days=None,
                grace_days=None,
                is_never_cut=True,
                never_cut_note="the town's school",
            )
        elif key == PROMISED:
            promises.make(
                session,
                account_id,
                until=self.today + timedelta(days=min(7, self.rules.promise_days_limit)),
                author=AUTHOR,
                today=self.today,
                rules=self.rules,
                note="pays on Friday",
            )
        elif key not in DEBTORS:
            self._pay(account_id)
        if key == LOCKED:
            suspensions.place(
                session,
                [line.subscription_id],
                LockReason.MANUAL,
                owner=AUTHOR.name,
                note="asked for a pause in person",
                today=self.today,
            )

    def _pay(self, account_id: int) -> None:
        owed = -ledger.lock_account(self.session, account_id).balance_minor
        if owed > 0:
            payments.receive(
                self.session,
                account_id,
                owed,
                method=Method.BANK,
                dated_on=self.today,
                reference="standing order",
                idempotency_key=f"lab-{account_id}",
                author=AUTHOR,
                today=self.today,
                rules=self.rules,
            )


def _months_back(day: date, months: int) -> date:
    """Return the first day of the month so many months before."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
