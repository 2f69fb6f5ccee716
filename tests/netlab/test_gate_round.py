"""A thousand customers cut and restored by the sweep at a real gateway whose rules vanish in the middle."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core import clock
from tasks.runtime import Runtime
from tests import gateway_lines, gateway_round, gateway_town
from tests.gateway_town import Town

COUNT = 1000


@pytest.fixture
def town(need: Callable[..., None]) -> Iterator[Town]:
    need("root", "ip", "nft")
    with gateway_town.build(f"t{os.urandom(3).hex()}") as built:
        yield built


@pytest.fixture
def runtime(
    make_settings: Callable[..., Any], fresh_url: str, redis_url: str, town: Town
) -> Iterator[Runtime]:
    made = Runtime(make_settings(data={"database_url": fresh_url, "queue_url": redis_url}))
    with made.database.transaction() as session:
        today = clock.today(made.settings.isp.time_zone)
        options = {"namespace": town.gateway}
        gateway_lines.fill(session, COUNT + gateway_round.SPARED, today, kind="nftables", options=options)
    yield made
    made.close()


def test_everybody_in_the_plan_is_cut_and_restored_and_nobody_else_loses_a_packet(
    town: Town, runtime: Runtime
) -> None:
    found = gateway_round.play(town, runtime, COUNT)
    assert found.out == {
        "told for the first time": (1050, 1050),
        "cut": (50, 50),
        "flushed": (1050, 1050),
        "noticed and told again": (50, 50),
        "restored": (1050, 1050),
    }
    assert found.into == found.out
    assert found.wrong == set()
    assert found.astray == 0
    assert found.pings >= 50 * 10
    assert found.lost == 0
    assert found.seconds["noticed and told again"] < 5
