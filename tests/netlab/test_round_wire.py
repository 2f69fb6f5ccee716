"""The whole round of a diagnosis on the running product and its laboratory: POST, queue, worker, wire, result."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from linecard.lab import shell
from netdiag import ping
from registry.models import Device, DiagnosticRun, DiagnosticStatus, Port
from tests.product import Client, Product

# The first test of a run starts the whole product, with neighbours on the same cores.
pytestmark = pytest.mark.timeout(300)

Inside = Callable[[str, Callable[[], Any]], Any]
LIMIT_S = 30.0
OPEN = (DiagnosticStatus.QUEUED, DiagnosticStatus.RUNNING)
SYSTEM = "1.3.6.1.2.1.1."
IF = "1.3.6.1.2.1.2.2.1."
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1."


@pytest.fixture(scope="module")
def noc(product_lab: Product) -> Client:
    """Somebody of the NOC."""
    return product_lab.client("noc")


def diagnose(product: Product, client: Client, kind: str, number: str, target: str) -> DiagnosticRun:
    """Start a diagnosis from the card by HTTP and return the finished run."""
    path = f"/customers/{product.customer_id(number)}/diagnostics/{kind}"
    answer = client.post(path, {"target": target})
    assert answer.status == 303, f"{answer.status} {answer.text[:3000]}"
    found = re.search(r"/runs/(\d+)", answer.headers["Location"])
    assert found
    until = time.monotonic() + LIMIT_S
    while True:
        with product.database.reading() as session:
            run = session.get_one(DiagnosticRun, int(found[1]))
        if run.status not in OPEN:
            assert run.status is DiagnosticStatus.DONE, run.error
            assert run.pop == "lab"
            return run
        assert time.monotonic() < until, product.log()
        time.sleep(0.05)


def snmpget(product: Product, address: str, *oids: str) -> list[str]:
    """Ask a lab agent by Net-SNMP's own program, from where the probe worker is."""
    words = [
        "snmpget",
        "-v2c",
        "-c",
        product.plan.switch.snmp.read_community,
        "-m",
        "",
        "-Oqv",
        address,
        *oids,
    ]
    said = shell.run(shell.inside(product.plan.probe_namespace, *words))
    return [line.strip().strip('"') for line in said.splitlines()]


def macs(run: DiagnosticRun) -> list[str]:
    assert run.result is not None
    return sorted(one["mac"] for one in run.result["macs"])


def speak(product: Product, inside: Inside, key: str) -> None:
    """Let the customer send a packet, so that gateway and switch know him."""
    planned = product.plan.customer(key)
    gateway = product.plan.segment(planned.segment).gateway_address
    inside(planned.namespace, lambda: list(ping.stream(gateway, count=1, timeout_s=0.3)))


def test_arp_finds_the_true_mac(product_lab: Product, noc: Client) -> None:
    planned = product_lab.plan.customer("c1")
    run = diagnose(product_lab, noc, "mac", "LAB-1", planned.address)
    assert run.result is not None
    assert run.result["method"] == "arp"
    assert macs(run) == [planned.mac]
    assert run.result["comparison"] == "same"
    assert noc.get(f"/runs/{run.id}").text.count(planned.mac) >= 1


def test_two_macs_that_answer_for_one_address_are_both_reported(product_lab: Product, noc: Client) -> None:
    both = sorted(product_lab.plan.customer(key).mac for key in ("c6", "c7"))
    run = diagnose(product_lab, noc, "mac", "LAB-6", product_lab.plan.customer("c6").address)
    assert run.result is not None
    assert macs(run) == both
    assert run.result["is_duplicate"] is True
    assert run.result["comparison"] == "duplicate"


@pytest.mark.parametrize("key", ["c9", "c12"])
def test_the_mac_behind_the_gateway_comes_from_its_table_and_says_so(
    product_lab: Product, noc: Client, inside: Inside, key: str
) -> None:
    planned = product_lab.plan.customer(key)
    run = None
    for _ in range(8):  # the agent answers from a table that is some seconds old
        speak(product_lab, inside, key)
        run = diagnose(product_lab, noc, "mac", f"LAB-{key[1:]}", planned.address)
        if macs(run):
            break
    assert run is not None
    assert run.result is not None
    assert run.result["method"] == "router"
    assert run.result["gateway"] == product_lab.plan.gateway.name
    assert macs(run) == [planned.mac]
    assert run.result["comparison"] == "same"


def test_the_status_of_a_port_equals_snmpgets_answers(product_lab: Product, noc: Client) -> None:
    switch = product_lab.plan.switch
    with product_lab.database.reading() as session:
        port = session.scalars(
            select(Port)
            .join(Device, Device.id == Port.device_id)
            .where(Device.name == switch.name, Port.name == "port1")
        ).one()
    run = diagnose(product_lab, noc, "snmp", "LAB-1", f"port:{port.id}")
    assert run.result is not None
    index = port.if_index
    asked = (
        f"{SYSTEM}5.0",
        f"{SYSTEM}1.0",
        f"{IF_NAME}{index}",
        f"{IF}7.{index}",
        f"{IF}8.{index}",
        f"{IF}4.{index}",
    )
    name, description, if_name, admin, oper, mtu = snmpget(product_lab, switch.address, *asked)
    assert run.result["state"] == "answered"
    assert run.result["system"]["name"] == name == switch.name
    assert run.result["system"]["description"] == description
    (found,) = run.result["ports"]
    words = {"1": "up", "2": "down"}
    assert (found["name"], found["admin"], found["oper"]) == (if_name, words[admin], words[oper])
    assert found["mtu"] == int(mtu)
    assert found["in_bps"] is not None
    with product_lab.database.reading() as session:
        device = session.get_one(Device, port.device_id)
        assert device.last_status is not None
        assert device.last_status["system"]["name"] == name


def test_the_status_of_a_customers_own_router_is_read_by_snmp_v3(product_lab: Product, noc: Client) -> None:
    planned = product_lab.plan.customer("c11")
    with product_lab.database.reading() as session:
        device = session.scalars(
            select(Device).where(Device.customer_id == product_lab.customer_id("LAB-11"))
        ).one()
    run = diagnose(product_lab, noc, "snmp", "LAB-11", f"device:{device.id}")
    assert run.result is not None
    (name,) = snmpget(product_lab, planned.address, f"{SYSTEM}5.0")
    assert run.result["system"]["name"] == name


@pytest.mark.parametrize("key", ["c1", "c9"])
def test_the_mac_is_located_behind_the_port_on_file(
    product_lab: Product, noc: Client, inside: Inside, key: str
) -> None:
    planned = product_lab.plan.customer(key)
    speak(product_lab, inside, key)  # a quiet router leaves the forwarding table after five minutes
    run = diagnose(product_lab, noc, "locate", f"LAB-{key[1:]}", planned.address)
    assert run.result is not None
    assert [place["port_name"] for place in run.result["places"]] == [planned.port]
    assert run.result["comparison"] == "same"
