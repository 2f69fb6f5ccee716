"""The demo points at the laboratory: its records, its stories, and the way back to dry run."""

from sqlalchemy import func, select, update

from billing import night, rules
from billing.ledger import Author
from billing.models import AccessState, Account, LockReason, Promise, SubscriptionAccess, SuspensionLock
from billing.testing import act
from core import clock, secrets
from linecard.demo import lab as demo_lab
from linecard.lab import plan as plans
from registry import credentials, diagnostic_targets
from registry.models import Connection, Customer, Device, DiagnosticKind, IpAddress, Line, LineGate

LAB = plans.describe("x-")


def test_every_customer_of_the_lab_is_on_file_once_with_what_opens_his_devices(database, settings):
    for _ in range(2):
        demo_lab.point_at_lab(settings, database, LAB)
    ring = secrets.Ring([key.get_secret_value() for key in settings.secrets.keys])
    with database.reading() as session:
        customers = session.scalars(select(Customer).order_by(Customer.id)).all()
        assert [row.number for row in customers] == [f"LAB-{turn}" for turn in range(1, 13)]
        assert session.scalar(select(func.count()).select_from(IpAddress)) == 11
        assert session.scalar(select(func.count()).select_from(Connection)) == 11
        gates = {gate.name: gate for gate in session.scalars(select(LineGate))}
        assert gates[demo_lab.GATEWAY_GATE].kind == "nftables"
        assert gates[demo_lab.GATEWAY_GATE].options == {"namespace": "x-gw"}
        assert gates[demo_lab.PORT_GATE].kind == "snmp_port"
        agents = session.scalars(select(Device).where(Device.snmp_version != "")).all()
        assert {str(device.address) for device in agents} == {device.address for device in LAB.devices}
        found = [credentials.snmp_of(device, ring) for device in agents]
        assert {one.get("community") for one in found} == {None, LAB.switch.snmp.write_community}
        target = diagnostic_targets.resolve(
            session, DiagnosticKind.PING, customers[0].id, LAB.customer("c1").address
        )
        assert target.pop == demo_lab.POP


def test_the_night_cuts_the_debtors_of_the_lab_and_nobody_else(database, settings):
    demo_lab.point_at_lab(settings, database, LAB)
    today = clock.today(settings.isp.time_zone)
    night.close_day(database, act(today, author=Author("night")), rules=rules.rules_of(settings))
    with database.reading() as session:
        cut = session.scalars(
            select(Customer.number)
            .join(Line, Line.customer_id == Customer.id)
            .join(SuspensionLock, SuspensionLock.subscription_id == Line.subscription_id)
            .where(SuspensionLock.reason == LockReason.DEBT)
        ).all()
        assert sorted(cut) == sorted(map(demo_lab.number_of, demo_lab.DEBTORS))
        locked = session.scalar(
            select(func.count()).select_from(SuspensionLock).where(SuspensionLock.reason == LockReason.MANUAL)
        )
        assert locked == 1
        assert session.scalar(select(func.count()).select_from(Promise)) == 1
        never = session.scalars(select(Account.never_cut_note).where(Account.is_never_cut)).all()
        assert never == ["the town's school"]


def test_a_removed_lab_leaves_its_lines_on_dry_run_and_told_anew(database, settings):
    assert demo_lab.point_away(database) is False
    demo_lab.point_at_lab(settings, database, LAB)
    with database.transaction() as session:
        session.execute(update(SubscriptionAccess).values(applied=SubscriptionAccess.wanted))
    assert demo_lab.point_away(database) is True
    with database.reading() as session:
        assert {gate.kind for gate in session.scalars(select(LineGate))} == {"dry_run"}
        rows = session.scalars(select(SubscriptionAccess)).all()
        assert {row.applied for row in rows} == {None}
        assert sorted(row.wanted for row in rows) == [AccessState.CLOSED, *[AccessState.OPEN] * 11]
