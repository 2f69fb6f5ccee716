"""Live runs: late viewers, reconnects, many watchers of one run, a broker that goes away."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from core import live


@pytest.fixture
def hub(redis_client: Any) -> Iterator[live.Hub]:
    hub = live.Hub(redis_client)
    yield hub
    hub.close()


def _publish(client: Any, run_id: int, replies: int, *, first: int = 0) -> None:
    for number in range(first, first + replies):
        live.publish(client, run_id, "reply", {"sequence": number})


def _sequences(events: list[live.Event]) -> list[int]:
    return [event.values["sequence"] for event in events if event.kind == "reply"]


def _collect(hub: live.Hub, after: dict[int, str]) -> list[live.Event]:
    return [event for event in hub.follow(after, beat_s=0.5) if event is not None]


def test_a_late_viewer_sees_all_replies_from_the_first(redis_client: Any, hub: live.Hub) -> None:
    _publish(redis_client, 1, 5)
    seen: list[live.Event] = []
    viewer = threading.Thread(target=lambda: seen.extend(_collect(hub, {1: live.FIRST})))
    viewer.start()
    _publish(redis_client, 1, 5, first=5)
    live.publish(redis_client, 1, live.LAST_KIND, {})
    viewer.join(10)
    assert _sequences(seen) == list(range(10))
    assert seen[-1].kind == "end"


def test_who_reconnects_goes_on_after_the_last_event_seen(redis_client: Any, hub: live.Hub) -> None:
    _publish(redis_client, 2, 6)
    live.publish(redis_client, 2, live.LAST_KIND, {})
    third = live.replay(redis_client, 2)[2]
    assert _sequences(live.replay(redis_client, 2, third.id)) == [3, 4, 5]
    assert _sequences(_collect(hub, {2: third.id})) == [3, 4, 5]


def test_one_follower_takes_several_runs_and_ends_with_the_last(redis_client: Any, hub: live.Hub) -> None:
    seen: list[live.Event] = []
    viewer = threading.Thread(target=lambda: seen.extend(_collect(hub, {3: live.FIRST, 4: live.FIRST})))
    viewer.start()
    _publish(redis_client, 3, 2)
    live.publish(redis_client, 3, live.LAST_KIND, {})
    _publish(redis_client, 4, 3)
    live.publish(redis_client, 4, live.LAST_KIND, {})
    viewer.join(10)
    assert {run_id: _sequences([e for e in seen if e.run_id == run_id]) for run_id in (3, 4)} == {
        3: [0, 1],
        4: [0, 1, 2],
    }


def test_forty_watchers_of_one_hub_miss_nothing(redis_client: Any, hub: live.Hub) -> None:
    seen: list[list[int]] = [[] for _ in range(40)]

    def follow(place: int) -> None:
        time.sleep(place * 0.005)
        seen[place] = _sequences(_collect(hub, {5: live.FIRST}))

    watchers = [threading.Thread(target=follow, args=(place,)) for place in range(40)]
    for watcher in watchers:
        watcher.start()
    for number in range(50):
        _publish(redis_client, 5, 1, first=number)
        time.sleep(0.005)
    live.publish(redis_client, 5, live.LAST_KIND, {})
    for watcher in watchers:
        watcher.join(20)
    assert seen == [list(range(50))] * 40


def test_a_new_watcher_does_not_wait_for_the_block_of_the_others(redis_client: Any, hub: live.Hub) -> None:
    hub.BLOCK_MS = 4500
    ends = threading.Event()
    idle = threading.Thread(target=lambda: list(hub.follow({6: live.FIRST}, beat_s=0.2, ends=ends)))
    idle.start()
    time.sleep(0.3)  # the hub now blocks on run 6
    watch = hub.follow({7: live.FIRST}, beat_s=3)
    threading.Timer(0.2, lambda: live.publish(redis_client, 7, "reply", {"sequence": 0})).start()
    started = time.monotonic()
    event = next(watch)
    assert event is not None
    assert time.monotonic() - started < 3.5
    watch.close()
    ends.set()
    idle.join(10)


def test_silence_is_told_by_a_beat(hub: live.Hub) -> None:
    watch = hub.follow({8: live.FIRST}, beat_s=0.05)
    assert next(watch) is None
    watch.close()


def test_stop_and_watching_are_signs_of_their_own(redis_client: Any) -> None:
    assert not live.is_stop_asked(redis_client, 9)
    live.ask_stop(redis_client, 9)
    assert live.is_stop_asked(redis_client, 9)
    assert not live.is_watched(redis_client, 9)
    live.watch(redis_client, 9, 5)
    assert live.is_watched(redis_client, 9)
    assert 0 < redis_client.ttl("live:9:watched") <= 5


def test_streams_go_away_by_themselves(redis_client: Any) -> None:
    live.publish(redis_client, 10, "reply", {"sequence": 0})
    assert 0 < redis_client.ttl("live:10") <= live.KEEP_S


def test_the_hub_lives_through_a_broker_that_was_away(
    redis_client: Any, hub: live.Hub, redis_url: str
) -> None:
    seen: list[live.Event] = []
    viewer = threading.Thread(target=lambda: seen.extend(_collect(hub, {11: live.FIRST})))
    viewer.start()
    time.sleep(0.2)
    with redis.Redis.from_url(redis_url) as other:
        other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    _publish(redis_client, 11, 3)
    live.publish(redis_client, 11, live.LAST_KIND, {})
    viewer.join(15)
    assert _sequences(seen) == [0, 1, 2]


def test_an_ended_hub_thread_starts_again(redis_client: Any, hub: live.Hub) -> None:
    hub.IDLE_S = 0.0
    for run_id in (12, 13):
        live.publish(redis_client, run_id, live.LAST_KIND, {})
        assert [event.kind for event in _collect(hub, {run_id: live.FIRST})] == ["end"]
        time.sleep(1.3)
