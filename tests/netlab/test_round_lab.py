"""The laboratory comes and goes beside the running product, which follows it."""

import re

import pytest
from sqlalchemy import select

from linecard.demo import lab as demo_lab
from linecard.demo import plan as demo_plan
from registry import diagnostics
from registry.models import DiagnosticRun, LineGate
from tests.product import Client, Product, wait_for

# The first test of a run starts the whole product, with neighbours on the same cores.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def noc(product_lab: Product) -> Client:
    """Somebody of the NOC."""
    return product_lab.client("noc")


def ping(product: Product, client: Client, number: str, address: str) -> DiagnosticRun:
    """Ping an address from the card and return the finished run."""
    path = f"/customers/{product.customer_id(number)}/diagnostics/ping"
    answer = client.post(path, {"target": address, "count": "5", "interval_s": "0.2"})
    assert answer.status == 303, f"{answer.status} {answer.text[:2000]}"
    found = re.search(r"/runs/(\d+)", answer.headers["Location"])
    assert found
    run_id = int(found[1])

    def run() -> DiagnosticRun:
        with product.database.reading() as session:
            return session.get_one(DiagnosticRun, run_id)

    wait_for(lambda: run().status not in diagnostics.OPEN, 20, product.log)
    return run()


def test_the_labs_worker_and_the_demos_each_see_their_own_network(product_lab: Product, noc: Client) -> None:
    dead = next(one for one in demo_plan.build().connected if not one.is_alive and one.district.pop == "core")
    live = next(one for one in demo_plan.build().connected if one.is_alive and not one.trouble)
    asked = [
        (demo_lab.number_of("c1"), product_lab.plan.customer("c1").address, "lab", 0.0),
        (demo_lab.number_of("c5"), product_lab.plan.customer("c5").address, "lab", 100.0),
        (demo_lab.number_of("c4"), product_lab.plan.customer("c4").address, "lab", 40.0),
        (live.number, live.address, "core", 0.0),
        (dead.number, dead.address, "core", 100.0),
    ]
    found = [ping(product_lab, noc, number, address) for number, address, _, _ in asked]
    assert [(run.pop, (run.result or {})["loss_percent"]) for run in found] == [
        (pop, loss) for _, _, pop, loss in asked
    ]


def test_the_labs_worker_ends_with_the_lab_and_comes_back_with_the_next(product_lab: Product) -> None:
    first = product_lab.pid_of("probe-lab")
    assert first is not None
    done = product_lab.run("lab", "down")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: product_lab.pid_of("probe-lab") is None, 15, product_lab.log)
    assert product_lab.is_well()
    wait_for(lambda: "probe.lab" not in product_lab.beats(), 10, product_lab.log)
    with product_lab.database.reading() as session:
        assert set(session.scalars(select(LineGate.kind))) == {"dry_run"}
    product_lab.lab_up()
    assert product_lab.pid_of("probe-lab") not in (None, first)
    with product_lab.database.reading() as session:
        assert set(session.scalars(select(LineGate.kind))) == {"dry_run", "nftables", "snmp_port"}
