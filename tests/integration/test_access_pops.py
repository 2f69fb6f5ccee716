"""Gates are told from their own POP: its worker takes its lines, the default one's all the others."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from billing.models import SubscriptionAccess
from core import errors
from core.settings import Settings
from linecard.demo import lab as demo_lab
from linecard.lab import plan as plans
from registry import upkeep
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


def test_without_a_worker_there_the_default_one_tells_the_lines(runtimes: tuple[Runtime, Runtime]) -> None:
    assert access.sweep(runtimes[0]) == 12


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
