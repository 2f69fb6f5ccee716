"""Real faults in the laboratory, each diagnosed from the card: made, named by the verdict, undone."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from billing import suspensions
from billing.models import LockReason
from core import clock, sentences
from linecard.lab import shell
from netdiag import ping
from registry import incidents
from registry.models import Device, DeviceType, DiagnosticRun, DiagnosticStatus, Line
from tests.product import Client, Product, wait_for

# The first test of a run starts the whole product, with neighbours on the same cores.
pytestmark = pytest.mark.timeout(300)

Inside = Callable[[str, Callable[[], Any]], Any]
OPEN = (DiagnosticStatus.QUEUED, DiagnosticStatus.RUNNING)
ADMIN_STATUS = "1.3.6.1.2.1.2.2.1.7"
# Net-SNMP answers IF-MIB from a cache of three seconds.
SEEN_S = 12.0


@pytest.fixture(scope="module")
def noc(product_lab: Product) -> Client:
    """Somebody of the NOC."""
    return product_lab.client("noc")


@pytest.fixture(autouse=True)
def _no_incident_is_left(product_lab: Product) -> Iterator[None]:
    """An incident that is not over yet would be the verdict of the next fault."""
    yield
    with product_lab.database.transaction() as session:
        for one in incidents.page(session, is_closed=False).rows:
            incidents.close(session, incidents.JOB, one.id, note="the fault was undone")


def diagnose(product: Product, client: Client, key: str) -> dict[str, Any]:
    """Press Diagnose on the customer's card and return what the finished run keeps."""
    answer = client.post(f"/customers/{product.customer_id(f'LAB-{key[1:]}')}/diagnostics/diagnose")
    assert answer.status == 303, f"{answer.status} {answer.text[:3000]}"
    found = re.search(r"/runs/(\d+)", answer.headers["Location"])
    assert found
    until = time.monotonic() + 30
    while True:
        with product.database.reading() as session:
            run = session.get_one(DiagnosticRun, int(found[1]))
        if run.status not in OPEN:
            break
        assert time.monotonic() < until, product.log()
        time.sleep(0.03)
    assert run.status is DiagnosticStatus.DONE, run.error
    assert run.result is not None
    page = client.get(f"/runs/{run.id}").text
    assert "data-stage=" in page
    return dict(sentences.tell_all(run.result))


def verdict_when(product: Product, client: Client, key: str, cause: str) -> dict[str, Any]:
    """Diagnose until the agents' own caches have noticed the fault; return the last verdict."""
    until = time.monotonic() + SEEN_S
    while True:
        result = diagnose(product, client, key)
        verdict: dict[str, Any] = result["verdict"]
        print(
            f"{key}: {verdict['headline']} [{verdict['who']}, {verdict['confidence']}] {result['took_s']} s"
        )
        if verdict["cause"] == cause or time.monotonic() > until:
            return verdict
        time.sleep(0.5)


def stage(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in result["stages"] if one["key"] == name)


def ip(namespace: str, *words: str) -> None:
    shell.run(["ip", "-n", namespace, *words])


def plug(product: Product, key: str, mac: str) -> None:
    """Plug another router in: the link goes and comes, so that the switch forgets the one before."""
    planned = product.plan.customer(key)
    ip(planned.namespace, "link", "set", "eth0", "down")
    ip(planned.namespace, "link", "set", "eth0", "address", mac, "up")
    gateway = product.plan.segment(planned.segment).gateway_address
    ip(planned.namespace, "route", "replace", "default", "via", gateway)


def set_admin(product: Product, port: str, *, is_up: bool) -> None:
    """Switch a port on or off by Net-SNMP's own program."""
    switch = product.plan.switch
    index = next(one.if_index for one in switch.ports if one.name == port)
    words = ("snmpset", "-v2c", "-c", switch.snmp.write_community, "-m", "", switch.address)
    oid = f"{ADMIN_STATUS}.{index}"
    shell.run(shell.inside(product.plan.probe_namespace, *words, oid, "i", "1" if is_up else "2"))


@contextmanager
def rules(namespace: str, *tables: str) -> Iterator[None]:
    """Have nftables rules in a namespace for a block: each `family fault { ... }`."""
    text = "".join(f"table {table}\n" for table in tables)
    shell.run(shell.inside(namespace, "nft", "-f", "-"), text)
    try:
        yield
    finally:
        for table in tables:
            family = table.partition(" ")[0]
            shell.run(shell.inside(namespace, "nft", "delete", "table", family, "fault"))


def chain(hook: str, rule: str = "drop") -> str:
    return f"chain {hook} {{\n type filter hook {hook} priority -100\n {rule}\n}}\n"


def speak(product: Product, inside: Inside, key: str) -> None:
    """Let the customer send a packet, so that gateway and switch know him."""
    planned = product.plan.customer(key)
    gateway = product.plan.segment(planned.segment).gateway_address
    inside(planned.namespace, lambda: list(ping.stream(gateway, count=2, interval_s=0.05, timeout_s=0.3)))


# --- nothing wrong


@pytest.mark.parametrize("key", ["c1", "c10"])
def test_a_healthy_line_is_called_fine(product_lab: Product, noc: Client, inside: Inside, key: str) -> None:
    speak(product_lab, inside, key)
    wait_for(lambda: stage(diagnose(product_lab, noc, key), "account")["state"] == "good", 30)
    result = diagnose(product_lab, noc, key)
    verdict = result["verdict"]
    print(f"{key}: {verdict['headline']} {verdict['doubts']} {verdict['also']} {result['took_s']} s")
    # A laboratory just built has ports that have just come up: worth saying, and nothing wrong.
    assert (verdict["cause"], verdict["who"], verdict["confidence"]) == ("nothing_found", "nobody", "high")
    for name in ("account", "pop", "mac", "address", "quality"):
        assert stage(result, name)["state"] == "good", stage(result, name)


# --- faults at the customer's end


def test_a_pulled_cable_is_a_port_without_link(product_lab: Product, noc: Client) -> None:
    planned = product_lab.plan.customer("c1")
    gateway = product_lab.plan.segment(planned.segment).gateway_address
    ip(planned.namespace, "link", "set", "eth0", "down")
    try:
        verdict = verdict_when(product_lab, noc, "c1", "port_down")
    finally:
        ip(planned.namespace, "link", "set", "eth0", "up")
        ip(planned.namespace, "route", "replace", "default", "via", gateway)
    assert (verdict["stage"], verdict["who"]) == ("port", "customer")
    assert "port1 has no link" in verdict["headline"]


def test_a_port_shut_by_snmp_is_our_doing(product_lab: Product, noc: Client) -> None:
    set_admin(product_lab, "port2", is_up=False)
    try:
        verdict = verdict_when(product_lab, noc, "c2", "port_shut")
    finally:
        set_admin(product_lab, "port2", is_up=True)
    assert (verdict["stage"], verdict["who"]) == ("port", "noc")
    assert "port2 is switched off by our side" in verdict["headline"]


def test_another_router_on_the_port_is_seen_by_its_mac(
    product_lab: Product, noc: Client, inside: Inside
) -> None:
    plug(product_lab, "c2", "b0:b2:dc:99:00:02")
    try:
        speak(product_lab, inside, "c2")
        verdict = verdict_when(product_lab, noc, "c2", "mac_other")
    finally:
        plug(product_lab, "c2", product_lab.plan.customer("c2").mac)
        speak(product_lab, inside, "c2")
    assert (verdict["stage"], verdict["who"]) == ("mac", "noc")
    assert "Another MAC than the one on file" in verdict["headline"]
    assert any("b0:b2:dc:99:00:02" in words for words in verdict["also"])


def test_forty_percent_loss_is_measured_as_loss(product_lab: Product, noc: Client) -> None:
    verdict = verdict_when(product_lab, noc, "c4", "loss")
    assert (verdict["stage"], verdict["who"], verdict["confidence"]) == ("quality", "field", "high")
    found = re.search(r"([\d.]+) % of the echoes are lost", verdict["headline"])
    assert found
    assert 25 <= float(found[1]) <= 55


def test_large_packets_that_vanish_are_a_black_hole(
    product_lab: Product, noc: Client, inside: Inside
) -> None:
    speak(product_lab, inside, "c2")
    ip(product_lab.plan.switch.namespace, "link", "set", "port2", "mtu", "1300")
    try:
        verdict = verdict_when(product_lab, noc, "c2", "large_lost")
    finally:
        ip(product_lab.plan.switch.namespace, "link", "set", "port2", "mtu", "1500")
    assert (verdict["stage"], verdict["who"], verdict["confidence"]) == ("quality", "noc", "high")
    assert "black hole" in verdict["headline"]


def test_a_small_path_is_fine_while_it_says_so_and_a_black_hole_once_it_is_silent(
    product_lab: Product, noc: Client
) -> None:
    gateway, street = product_lab.plan.gateway.namespace, product_lab.plan.segment("street")
    own = f"{street.network} dev lan20 proto kernel scope link src {street.gateway_address}".split()
    silence = chain("output", "icmp type destination-unreachable icmp code frag-needed drop")
    ip(gateway, "route", "replace", *own, "mtu", "1300")
    try:
        found = stage(diagnose(product_lab, noc, "c10"), "quality")
        assert (found["state"], "says so" in str(found)) == ("good", True), found
        # The probe's kernel has learned to send in pieces, which pass: no proof that whole packets do.
        with rules(gateway, f"inet fault {{\n{silence}}}"):
            verdict = verdict_when(product_lab, noc, "c10", "large_lost")
    finally:
        ip(gateway, "route", "replace", *own)
        ip(product_lab.plan.probe_namespace, "route", "flush", "cache")
    assert (verdict["stage"], verdict["who"], verdict["confidence"]) == ("quality", "noc", "high")


def test_two_routers_on_one_address_are_both_named(product_lab: Product, noc: Client, inside: Inside) -> None:
    speak(product_lab, inside, "c6")
    verdict = verdict_when(product_lab, noc, "c6", "duplicate_address")
    assert (verdict["stage"], verdict["who"]) == ("address", "noc")
    for key in ("c6", "c7"):
        assert product_lab.plan.customer(key).mac in verdict["headline"]


def test_a_router_that_drops_ping_is_not_called_down(
    product_lab: Product, noc: Client, inside: Inside
) -> None:
    speak(product_lab, inside, "c8")
    verdict = verdict_when(product_lab, noc, "c8", "echo_dropped")
    assert (verdict["stage"], verdict["who"]) == ("address", "nobody")
    assert "it drops ping" in verdict["headline"]


# --- faults of the network


def test_a_gateway_that_drops_everything_is_named_before_what_is_behind_it(
    product_lab: Product, noc: Client
) -> None:
    probe = f"ip saddr {product_lab.plan.probe_address} drop"
    with rules(
        product_lab.plan.gateway.namespace,
        f"inet fault {{\n{chain('input', probe)}{chain('forward', probe)}}}",
    ):
        verdict = verdict_when(product_lab, noc, "c9", "gateway_silent")
    assert (verdict["stage"], verdict["who"], verdict["confidence"]) == ("pop", "noc", "high")
    assert "neither ping nor SNMP" in verdict["headline"]


@contextmanager
def dead_switch(product: Product) -> Iterator[None]:
    """Let the access switch neither answer nor forward."""
    tables = (f"inet fault {{\n{chain('input')}}}", f"bridge fault {{\n{chain('forward')}}}")
    with rules(product.plan.switch.namespace, *tables):
        yield


def test_a_dead_access_switch_is_named_and_a_dead_parent_before_it(product_lab: Product, noc: Client) -> None:
    with dead_switch(product_lab):
        verdict = verdict_when(product_lab, noc, "c2", "device_silent")
        assert (verdict["stage"], verdict["who"], verdict["confidence"]) == ("device", "noc", "high")
        assert "lab-access-switch does not answer" in verdict["headline"]
        assert_one_incident(product_lab, noc)
        with parent(product_lab):
            verdict = verdict_when(product_lab, noc, "c2", "parent_dead")
    assert (verdict["stage"], verdict["who"]) == ("device", "noc")
    assert "lab-aggregation is dead" in verdict["headline"]
    assert "lab-access-switch is behind it" in verdict["headline"]


def assert_one_incident(product: Product, client: Client) -> None:
    """The dead switch is one incident for everybody on it, told on their cards; somebody closes it."""
    with product.database.reading() as session:
        (found,) = incidents.page(session, is_closed=False).rows
        numbers = {one.number for one in incidents.affected(session, found.id)}
    print(f"incident: {found.title}, {found.customers} customers")
    assert (found.place, found.is_automatic) == ("lab-access-switch", True)
    assert {"LAB-1", "LAB-2"} <= numbers
    other = product.customer_id("LAB-1")
    assert "lab-access-switch" in client.get(f"/customers/{other}/incidents").text
    assert diagnose(product, client, "c1")["verdict"]["cause"] == "known_incident"
    assert client.post(f"/incidents/{found.id}/close", {"note": "by the test"}).status == 303


@contextmanager
def parent(product: Product) -> Iterator[None]:
    """Hang the access switch on a device at whose address nobody is."""
    with product.database.transaction() as session:
        switch = session.scalars(select(Device).where(Device.name == "lab-access-switch")).one()
        kind = session.get_one(DeviceType, switch.type_id)
        above = Device(name="lab-aggregation", type_id=kind.id, pop_id=switch.pop_id, address="10.77.0.99")
        session.add(above)
        session.flush()
        number, before, switch.parent_id = above.id, switch.parent_id, above.id
    try:
        yield
    finally:
        with product.database.transaction() as session:
            switch = session.scalars(select(Device).where(Device.name == "lab-access-switch")).one()
            switch.parent_id = before
            session.flush()
            session.delete(session.get_one(Device, number))


# --- the office


def test_a_debt_lock_is_the_verdict_on_a_line_that_works(product_lab: Product, noc: Client) -> None:
    today = clock.today(product_lab.settings.isp.time_zone)
    with product_lab.database.transaction() as session:
        numbers = list(
            session.scalars(
                select(Line.subscription_id).where(Line.customer_id == product_lab.customer_id("LAB-1"))
            )
        )
        suspensions.place(session, numbers, LockReason.DEBT, owner="test", note="a fault", today=today)
    try:
        verdict = verdict_when(product_lab, noc, "c1", "debt_lock")
    finally:
        with product_lab.database.transaction() as session:
            suspensions.lift(session, numbers, LockReason.DEBT, by="test", today=today)
    assert (verdict["stage"], verdict["who"]) == ("account", "billing")
    assert "locked for debt" in verdict["headline"]


def test_after_all_that_the_line_is_fine_again(product_lab: Product, noc: Client, inside: Inside) -> None:
    def is_fine() -> bool:
        speak(product_lab, inside, "c1")
        return bool(diagnose(product_lab, noc, "c1")["verdict"]["stage"] is None)

    wait_for(is_fine, 30, product_lab.log)
