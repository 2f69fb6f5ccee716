"""Gates are told from their own POP: its worker takes its lines, the default one's all the others."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from billing.models import SubscriptionAccess
from core import clock, errors
from core.settings import Settings
from gates import nft_program
from linecard.demo import lab as demo_lab
from linecard.lab import plan as plans
from registry import drift, gate_turns, upkeep
from registry.models import LineGate, Pop
from tasks import access
from tasks.runtime import Runtime


@pytest.fixture
def runtimes(server_settings: Settings) -> Iterator[tuple[Runtime, Runtime]]:
    """The workers of the default POP and of the lab's, whose gates are on dry run."""
    there = server_settings.diagnostics.model_copy(update={"pop": demo_lab.POP})
    made = Runtime(server_settings), Runtime(server_settings.model_copy(update={"diagnostics": there}))
    demo_lab.point_at_lab(server_settings, made[0].database, plans.describe())
    demo_lab.point_away(made[0].database)
    yield made
    for runtime in made:
        runtime.close()


def _unsettled(runtime: Runtime) -> int:
    query = select(func.count()).select_from(SubscriptionAccess).where(SubscriptionAccess.applied.is_(None))
    with runtime.database.reading() as session:
        return session.scalar(query) or 0


def _live(runtime: Runtime, *, is_so: bool) -> None:
    with runtime.database.transaction() as session:
        (upkeep.beat if is_so else upkeep.stop_beating)(session, f"probe.{demo_lab.POP}")


def test_a_living_worker_of_the_gates_pop_tells_its_lines_and_nobody_else(
    runtimes: tuple[Runtime, Runtime],
) -> None:
    default, there = runtimes
    _live(default, is_so=True)
    assert access.sweep(default) == 0
    assert _unsettled(default) == 12
    assert access.sweep(there) == 12
    assert _unsettled(default) == 0


def test_without_a_worker_there_the_default_one_tells_what_is_reached_over_the_network(
    runtimes: tuple[Runtime, Runtime],
) -> None:
    assert access.sweep(runtimes[0]) == 12


@pytest.fixture
def gateway(runtimes: tuple[Runtime, Runtime], tmp_path: Path) -> Iterator[Path]:
    """The lab's gateway is the kernel of its worker's machine; the file tells who ran nft, and how often."""
    ran, nft = tmp_path / "ran", tmp_path / "nft"
    nft.write_text(f"""#!/bin/sh\necho nft >> {ran}\necho '{{"nftables": []}}'\n""")
    nft.chmod(0o755)
    ran.touch()
    nft_program.allow([str(nft)])
    with runtimes[0].database.transaction() as session:
        own = update(LineGate).where(LineGate.name == demo_lab.GATEWAY_GATE)
        session.execute(own.values(kind="nftables", options={"program": str(nft)}))
    yield ran
    nft_program.allow([])


def _gate(runtime: Runtime) -> Any:
    with runtime.database.reading() as session:
        return session.scalars(select(LineGate).where(LineGate.name == demo_lab.GATEWAY_GATE)).one()


def test_the_filter_of_another_machine_is_never_told_here_and_its_lines_wait_with_the_reason(
    runtimes: tuple[Runtime, Runtime], gateway: Path
) -> None:
    default, there = runtimes
    by_port = access.sweep(default)
    assert (0 < by_port < 12, gateway.read_text()) == (True, "")
    assert access.observe(default) == []
    assert gateway.read_text() == ""
    gate = _gate(default)
    assert gate.error.startswith("No worker of POP lab is there to tell its gateway")
    assert gate.failures == 1
    assert gate.paused_until > clock.now()
    with default.database.transaction() as session:
        late = clock.now() - drift.LATE - timedelta(seconds=1)
        session.execute(update(SubscriptionAccess).values(unsettled_since=late))
        session.execute(update(LineGate).values(paused_until=None))
    access.sweep(default)
    assert _gate(default).failures == 2
    with default.database.reading() as session:
        rows, _ = drift.page(session, drift.DriftFilter())
    assert len(rows) == 12 - by_port
    assert {(row.gate, row.gate_error[:23]) for row in rows} == {
        (demo_lab.GATEWAY_GATE, "No worker of POP lab is")
    }
    assert _unsettled(default) == 12 - by_port
    with default.database.transaction() as session:
        gate_turns.expect(session, demo_lab.POP, clock.now())
    assert access.sweep(there) == 12 - by_port
    assert gateway.read_text() != ""
    assert _gate(default).error == ""


def test_the_default_pops_own_gateway_is_told_by_its_own_worker(
    runtimes: tuple[Runtime, Runtime], gateway: Path
) -> None:
    default, _ = runtimes
    with default.database.transaction() as session:
        core = Pop(code=default.settings.diagnostics.pop, name="Core")
        session.add(core)
        session.flush()
        session.execute(update(LineGate).values(pop_id=core.id))
    assert access.sweep(default) == 12
    assert gateway.read_text() != ""


def test_the_default_worker_passes_the_call_on_to_living_pops_with_gates(
    runtimes: tuple[Runtime, Runtime],
) -> None:
    default, there = runtimes
    passed: list[str] = []
    access.pass_on(default, passed.append)
    assert passed == []
    _live(default, is_so=True)
    access.pass_on(default, passed.append)
    access.pass_on(there, passed.append)
    assert passed == [demo_lab.POP]

    def is_silent(_: str) -> None:
        raise errors.Unavailable("The job queue does not answer")

    access.pass_on(default, is_silent)


def test_observing_is_divided_in_the_same_way(runtimes: tuple[Runtime, Runtime]) -> None:
    default, there = runtimes
    _live(default, is_so=True)
    assert access.observe(default) == []
    assert access.observe(there) == []
