"""A box of a POP over a real broker and its TLS door: it joins, does its own jobs, and may nothing else."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError
from sqlalchemy import select

import gates
from core import authority, clock, errors, sealing
from core import box as box_files
from core.settings import Settings
from gates import LineAccess
from linecard import pop_worker
from linecard.errors import StartError
from registry import audit, pop_boxes, pops, upkeep
from registry.models import PopBox
from registry.pop_boxes import Keys
from tasks import box, calls, freshness, hands, packing, sites
from tasks import pops as pop_tasks
from tasks.runtime import Runtime
from tests import pop_broker
from tests.pop_broker import Broker

SOMEBODY = audit.Actor(None, "a test")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with pop_broker.running() as made:
        yield made


@pytest.fixture
def settings_here(make_settings: Callable[..., Settings], fresh_url: str, broker: Broker) -> Settings:
    with broker.client() as client:
        client.flushall()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return make_settings(
        data={"database_url": fresh_url, "queue_url": broker.url},
        pops={"address": f"localhost:{port}", "listen": f"127.0.0.1:{port}", "taken_s": 2},
    )


@pytest.fixture
def runtime(settings_here: Settings) -> Iterator[Runtime]:
    made = Runtime(settings_here)
    with made.database.transaction() as session:
        for code in ("north", "south"):
            pops.create(session, SOMEBODY, code=code, name=code.title())
    yield made
    made.close()


@pytest.fixture
def north(runtime: Runtime, broker: Broker) -> Iterator[Any]:
    """A box of the POP north at work, on a connection of its own rights."""
    with pop_broker.at_work(runtime, broker, "north") as made:
        yield made


def enrolled(runtime: Runtime, broker: Broker, pop: str) -> box.Box:
    return pop_broker.enrolled(runtime, broker.folder / "b.sock", 3, pop)


def at(runtime: Runtime, pop: str) -> sites.Site:
    found = sites.at(runtime, pop)
    assert isinstance(found, sites.There)
    return found


def test_a_box_joins_through_the_door_with_a_ticket_and_no_second_one_does(
    runtime: Runtime,
    settings_here: Settings,
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with runtime.database.transaction() as session:
        north = pops.find(session, "north")
        invitation = pop_boxes.invite(session, SOMEBODY, north.id, runtime.ring, now=clock.now(), minutes=5)
        ticket = pop_boxes.ticket(settings_here, invitation)
    pop_tasks.tend(runtime)
    environ = {
        "LINECARD_WEB__SECRET_KEY": "x" * 43,
        "LINECARD_DATA__QUEUE_URL": broker.url,
        "LINECARD_DATA__DATABASE_URL": "postgresql://nobody@/nothing",
        "LINECARD_DATA__FOLDER": str(settings_here.data.folder),
        "LINECARD_POPS__ADDRESS": settings_here.pops.address,
        "LINECARD_POPS__LISTEN": settings_here.pops.listen,
    }
    (tmp_path / "config.toml").touch()
    ends = threading.Event()

    def tend() -> None:
        while not ends.wait(0.2):
            pop_tasks.tend(runtime)

    tending = threading.Thread(target=tend, daemon=True)
    file = tmp_path / "pop.toml"
    with pop_broker.command("pop", "door", folder=tmp_path, **environ):
        port = int(settings_here.pops.address.rpartition(":")[2])
        pop_broker.wait(lambda: _is_open(port))
        tending.start()
        pop_worker.join(box_files.read_ticket(ticket.text()), "north", file)
        assert file.stat().st_mode & 0o777 == 0o600
        known = box_files.load(file)
        made = box.Box(
            known,
            box.connect(
                known.address, known.number, "pop.north", known.password.get_secret_value(), known.authority
            ),
        )
        worker = threading.Thread(target=made.run, daemon=True)
        worker.start()
        pop_broker.wait(lambda: _state(runtime) is pop_boxes.BoxState.JOINED)
        assert at(runtime, "north").ask(hands.here) is True
        with pytest.raises(StartError, match="used, or its time is over"):
            monkeypatch.setattr(pop_worker, "_KNOWN_S", 0.5)
            pop_worker.join(ticket, "north", tmp_path / "second.toml")
        other = known.model_copy(update={"authority": authority.certificate(tmp_path / "other")})
        with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
            box.connect(other.address, 3, "pop.north", "x", other.authority).ping()
        made.stop()
        worker.join(15)
    ends.set()
    tending.join()


def _is_open(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _state(runtime: Runtime) -> pop_boxes.BoxState:
    with runtime.database.reading() as session:
        return pop_boxes.state(pop_boxes.find(session, pops.find(session, "north").id), clock.now())


def test_a_box_does_its_jobs_and_its_errors_are_what_they_are_here(runtime: Runtime, north: box.Box) -> None:
    there = at(runtime, "north")
    there.meet()
    line = LineAccess(7, ("10.0.0.7",))
    (outcome,) = there.ask(hands.gate_apply, "dry_run", {}, [(line, "closed")])
    assert outcome.line_id == 7
    with pytest.raises(gates.GateMisconfigured, match="no gate of kind"):
        there.ask(hands.gate_check, "magic", {}, [])
    with pytest.raises(ValueError, match="out of range"):
        list(there.follow(hands.ping, "127.0.0.1", count=0, interval_s=1, size=1, should_stop=lambda: False))
    with runtime.database.reading() as session:
        beat = upkeep.find_beat(session, "probe.north")
    assert beat is not None
    assert beat.facts["round_trip_ms"] > 0
    assert beat.facts["waiting"] == {"probe": 0, "gate": 0}
    assert {"version", "capabilities", "segments", "tools"} <= beat.facts.keys()


def test_the_user_of_a_box_may_touch_the_keys_of_its_pop_and_nothing_else(
    runtime: Runtime, broker: Broker, north: box.Box
) -> None:
    enrolled(runtime, broker, "south")
    runtime.redis.set("pop.south:call:1", "sealed for south")
    runtime.redis.set("live:1", "a run")
    mine = north._client
    assert mine.set("pop.north:anything", "1")
    for key in ("pop.south:call:1", "pop.south:probe.south", "live:1", "work", "probe.core", "pop.north"):
        for act in (
            lambda key=key: mine.get(key),
            lambda key=key: mine.set(key, "x"),
            lambda key=key: mine.blpop([key], timeout=0.1),
        ):
            with pytest.raises(NoPermissionError):
                act()
    for words in ("KEYS *", "ACL LIST", "CONFIG GET *", "SUBSCRIBE pop.north:x", "EVAL 1 0", "FLUSHALL"):
        with pytest.raises(NoPermissionError):
            mine.execute_command(*words.split())
    # Nor in the broker's other databases: the pattern holds in all of them.
    password = north._known.password.get_secret_value()
    with pytest.raises(NoPermissionError):
        broker.client(username="pop.north", password=password, db=11).get("work")


def test_what_is_sealed_for_one_pop_opens_with_no_other_pops_key(runtime: Runtime, broker: Broker) -> None:
    north, south = (enrolled(runtime, broker, pop) for pop in ("north", "south"))
    there = sites.at(runtime, "north")
    assert isinstance(there, sites.There)
    there._send(hands.HANDS[hands.name_of(hands.gate_check)], "c1", b"password of a gate of north", "m")
    told = json.loads(str(broker.client().get("pop.north:call:c1")))
    assert "password" not in told["letter"]
    about = calls.about_call("c1", told["hand"], "m", told["within_s"])
    mine = sealing.unseal(told["letter"], of=north._known.core_key, by=north._key, about=about)
    assert mine == b"password of a gate of north"
    for core_key in (north._known.core_key, south._known.core_key):
        with pytest.raises(errors.Invalid, match="not for this key"):
            sealing.unseal(told["letter"], of=core_key, by=south._key, about=about)


def test_a_call_the_broker_kept_is_done_once_and_not_at_all_by_a_worker_that_began_anew(
    runtime: Runtime, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    here = enrolled(runtime, broker, "north")
    here._say_alive({})
    there = sites.at(runtime, "north")
    assert isinstance(there, sites.There)
    packed = packing.pack_call(
        hands.gate_apply, ("dry_run", {}, [(LineAccess(7, ("10.0.0.7",)), "closed")]), {}
    )
    there._send(hands.HANDS[hands.name_of(hands.gate_apply)], "c1", packed, there._mark(""))
    client = broker.client()
    kept = str(client.get("pop.north:call:c1"))
    again = box.Box(here._known, here._client)
    again._say_alive({})

    def said_by(worker: box.Box, **changed: Any) -> list[str]:
        """Return what a worker says of the letter when the broker gives it."""
        client.delete("pop.north:said:c1")
        client.set("pop.north:call:c1", json.dumps(json.loads(kept) | changed))
        worker._do("gate", "c1")
        rows: Any = client.xrange("pop.north:said:c1")
        return [fields["kind"] for _, fields in rows]

    assert said_by(here) == ["taken", "part", "end"]
    assert said_by(here) == ["taken"]
    assert said_by(again) == ["taken", "fault"]
    assert "call_repeated" in capsys.readouterr().out
    # Nor does another mark make it fresh: the letter is sealed to its own.
    assert said_by(here, mark=here._fresh.mark()) == ["taken", "fault"]


def test_a_call_to_a_worker_that_has_just_begun_anew_is_sent_again(
    runtime: Runtime, broker: Broker, north: box.Box
) -> None:
    kept = broker.client().get("pop.north:beat")
    north._fresh = freshness.Freshness()
    later = threading.Timer(0.4, lambda: north._say_alive({}))
    later.start()
    assert at(runtime, "north").ask(hands.here) is True
    later.join()
    assert broker.client().get("pop.north:beat") != kept


def test_a_sign_of_life_the_broker_kept_is_not_believed_for_long(
    runtime: Runtime, broker: Broker, north: box.Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = broker.client()
    kept = str(client.get("pop.north:beat"))
    north.stop()
    pop_broker.wait(lambda: client.get("pop.north:beat") != kept)
    later = clock.now() + timedelta(seconds=calls.ROUND_S * calls.ROUNDS_KEPT)
    monkeypatch.setattr(clock, "now", lambda: later)
    client.set("pop.north:beat", kept)
    pop_tasks.tend(runtime)
    with runtime.database.reading() as session:
        beat = upkeep.find_beat(session, "probe.north")
    assert beat is None or beat.at < later


def test_a_job_for_a_dead_pop_expires_with_words_and_leaves_nothing_behind(
    runtime: Runtime, broker: Broker
) -> None:
    enrolled(runtime, broker, "north")
    with pytest.raises(sites.PopSilent, match="No worker of POP north took the job within 2 s: check"):
        at(runtime, "north").ask(hands.here)
    kept = {b"pop.north:welcome", b"pop.north:round"}
    assert set(runtime.redis.scan_iter("pop.north:*")) <= kept
    with runtime.database.reading() as session:
        box_row = session.scalars(select(PopBox)).one()
    assert (box_row.expired_jobs, box_row.last_expired_at is not None) == (1, True)
    queue = calls.Names("north").queue("probe")
    runtime.redis.rpush(queue, *range(calls.MOST_WAITING))
    with pytest.raises(sites.PopSilent):
        at(runtime, "north").ask(hands.here)
    assert runtime.redis.llen(queue) == calls.MOST_WAITING


def test_a_revoked_box_is_thrown_out_at_once_and_a_broker_that_forgot_its_users_is_told_again(
    runtime: Runtime, broker: Broker, north: box.Box
) -> None:
    with broker.client() as client:
        client.acl_deluser("pop.north")
    pop_tasks.tend(runtime)
    assert pop_broker.wait(lambda: _answers(runtime))
    with runtime.database.transaction() as session:
        pop_boxes.revoke(session, SOMEBODY, pops.find(session, "north").id, now=clock.now())
    pop_tasks.tend(runtime)
    with pytest.raises(redis.AuthenticationError):
        north._client.get("pop.north:x")
    assert sites.at(runtime, "north") is sites.HERE


def _answers(runtime: Runtime) -> bool:
    try:
        return at(runtime, "north").ask(hands.here)
    except sites.PopSilent:
        return False


def test_an_answer_that_is_not_the_boxs_own_or_not_what_was_asked_is_refused(
    runtime: Runtime, broker: Broker
) -> None:
    enrolled(runtime, broker, "north")
    with runtime.database.reading() as session:
        keys = pop_boxes.keys_of(session, runtime.ring, "north")
    assert keys is not None
    stranger = sealing.new_key()
    there = sites.There(runtime, Keys("north", keys.public, keys.own))
    letter = sealing.seal(b"x", to=sealing.public_of(keys.own), by=stranger, about=calls.about_said("c", 0))
    with pytest.raises(errors.Invalid, match="not for this key"):
        there._opened("c", 0, letter)
    with pytest.raises(errors.Invalid, match="not what it has to be"):
        packing.unpack_answer(hands.echoes, packing._written({"sent": "many"}))


def test_a_pop_whose_key_cannot_be_read_makes_no_other_box_look_dead(
    runtime: Runtime, broker: Broker
) -> None:
    for pop in ("north", "south"):
        enrolled(runtime, broker, pop)
    with runtime.database.transaction() as session:
        boxes = pop_boxes.by_pop(session)
        boxes["north"].core_sealed = boxes["south"].core_sealed
    runtime.redis.delete(*(calls.Names(pop).of("round") for pop in ("north", "south")))
    pop_tasks.tend(runtime)
    assert runtime.redis.get(calls.Names("south").of("round"))
    assert runtime.redis.get(calls.Names("north").of("round")) is None
