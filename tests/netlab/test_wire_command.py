"""`python -m netdiag` on loopback: what it prints and its exit codes."""

import json
import os
import signal
import threading

import pytest

from netdiag import __main__ as command
from netdiag import ping, sweep


@pytest.fixture(autouse=True)
def _may_ping(need):
    """On a machine that allows nobody to ping there is nothing to see here but the refusal."""
    if not ping.access().is_allowed:
        need("root")


def test_a_ping_shows_each_reply_and_the_sum(capsys):
    assert command.main(["ping", "127.0.0.1", "-c", "2", "-i", "0.01"]) == 0
    first, second, total = capsys.readouterr().out.splitlines()
    assert first.startswith("1: ")
    assert second.endswith("64 bytes, ttl 64")
    assert total.startswith("2 of 2 answered, 0.0 % lost")


def test_json_is_one_object_a_line(capsys):
    assert command.main(["ping", "::1", "-c", "1", "--json"]) == 0
    reply, total = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (reply["sequence"], total["received"]) == (1, 1)


def test_a_sweep_names_each_address(capsys):
    assert command.main(["sweep", "127.0.0.1", "127.1.2.3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["127.0.0.1", "127.1.2.3"]
    assert sweep.sweep(["127.0.0.1"], probes=2)[0].received == 2


def test_wrong_usage_has_its_own_code(capsys):
    assert command.main(["ping", "not-an-address"]) == 2
    assert "not an IP address" in capsys.readouterr().err
    assert command.main(["ping", "127.0.0.1", "-c", "0"]) == 2
    assert command.main(["arp", "127.0.0.1"]) == 2
    with pytest.raises(SystemExit, match="2"):
        command.main([])


def test_an_interrupt_ends_the_run_without_a_trace(capsys):
    # Whoever starts the tests in a shell's background has them ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        assert command.main(["ping", "127.0.0.1", "-c", "100", "-i", "1"]) == 3
    finally:
        signal.signal(signal.SIGINT, before)
    assert "Traceback" not in capsys.readouterr().err


def test_loopback_has_no_mac_and_the_words_say_so(capsys):
    assert command.main(["mac", "127.0.0.1"]) == 3
    assert "has no MAC" in capsys.readouterr().out


def test_a_name_is_resolved_and_one_that_is_none_is_said_to_be_none(capsys):
    assert command.main(["ping", "localhost", "-c", "1"]) == 0
    assert "1 of 1 answered" in capsys.readouterr().out
    assert command.main(["ping", "no-such-host.invalid", "-c", "1"]) == 2
    assert "nor a name that can be resolved" in capsys.readouterr().err
