"""The gate over SSH: a real sshd on a real gateway, and every way in which it may not let us in."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gates
from gates import Access, LineAccess, nft_program
from tests import gateway_town
from tests.gateway_town import Town, home, speak

GATEWAY, PORT = "10.92.0.1", 2222
LINE = LineAccess(1, (home(1),))


@dataclass(frozen=True)
class Reached:
    """A gateway with an SSH server; the gate is used from the net's side, where the office would be."""

    town: Town
    settings: dict[str, object]

    def use(self, call: Callable[[gates.Gate], Any], **other: object) -> Any:
        gate = gates.make("nftables_ssh", {**self.settings, **other})
        nft_program.allow([str(other.get("program", "nft"))])
        return self.town.within(self.town.net, lambda: call(gate))


def _key(folder: Path, name: str) -> Path:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(words, check=True, capture_output=True)
    return folder / name


@pytest.fixture(scope="module")
def gateway(need: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    need("root", "ip", "nft", "sshd")
    folder = tmp_path_factory.mktemp("ssh")
    host, own = _key(folder, "host"), _key(folder, "own")
    (folder / "authorized").write_bytes(own.with_suffix(".pub").read_bytes())
    (folder / "sshd_config").write_text(
        f"Port {PORT}\nListenAddress {GATEWAY}\nHostKey {host}\nAuthorizedKeysFile {folder}/authorized\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with gateway_town.build(f"t{os.urandom(3).hex()}") as town:
        server = subprocess.Popen(
            ["ip", "netns", "exec", town.gateway, "/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"],
            stderr=subprocess.PIPE,
        )
        settings: dict[str, object] = {
            "host": GATEWAY,
            "port": PORT,
            "user": "root",
            "host_key": host.with_suffix(".pub").read_text().strip(),
            "private_key": own.read_text(),
        }
        try:
            reached = Reached(town, settings)
            _wait(reached)
            yield reached
        finally:
            server.terminate()
            server.communicate(timeout=10)


def _wait(reached: Reached) -> None:
    for _ in range(50):
        with suppress(gates.GateUnreachable):
            reached.use(lambda gate: gate.check())
            return
        time.sleep(0.1)
    pytest.fail("sshd did not come up")


def test_a_line_is_closed_slowed_read_and_opened_over_ssh(gateway: Reached) -> None:
    said = gates.said(gateway.use(lambda gate: gate.check()))
    assert f"answers on {GATEWAY}." in said
    assert "is not installed yet" in said
    both = {home(1), home(2)}
    steps: list[tuple[Access, set[str]]] = [("closed", {home(2)}), ("slow", both), ("open", both)]
    for access, passing in steps:
        wanted: dict[LineAccess, Access] = {LINE: access}

        def tell(gate: gates.Gate, wanted: dict[LineAccess, Access] = wanted) -> tuple[Any, Any]:
            return gate.apply(wanted)[1].applied, gate.read([LINE])[1]

        assert gateway.use(tell) == (access, access)
        assert speak(gateway.town, [home(1), home(2)]) == passing
    assert gateway.use(lambda gate: gate.epoch())
    gateway.town.nft("flush", "ruleset")
    assert gateway.use(lambda gate: gate.epoch()) == ""


def test_ten_thousand_addresses_go_over_in_one_call(gateway: Reached) -> None:
    lines = [LineAccess(number, (home(number),)) for number in range(1, 10_001)]
    wanted: dict[LineAccess, Access] = dict.fromkeys(lines, "walled")
    outcomes = gateway.use(lambda gate: gate.apply(wanted))
    assert {outcome.applied for outcome in outcomes.values()} == {"walled"}
    assert set(gateway.use(lambda gate: gate.read(lines)).values()) == {"walled"}
    gateway.town.nft("flush", "ruleset")


def test_every_way_of_not_getting_in_says_what_to_do(gateway: Reached, tmp_path: Path) -> None:
    foreign = _key(tmp_path, "foreign")
    public = foreign.with_suffix(".pub").read_text().strip()
    refusals: list[tuple[type[gates.GateError], str, dict[str, object]]] = [
        (gates.GateUnreachable, "Connection refused", {"port": PORT + 1}),
        (gates.GateUnreachable, "cannot be reached", {"host": "no-such-host.invalid"}),
        (gates.GateMisconfigured, "does not show the host key", {"host_key": public}),
        (gates.GateMisconfigured, "authorized_keys", {"private_key": foreign.read_text()}),
        (gates.GateMisconfigured, "private key .* cannot be read", {"private_key": "not a key"}),
        (gates.GateMisconfigured, "private key is not in", {"private_key": ""}),
        (gates.GateMisconfigured, "host key is not in", {"host_key": ""}),
        (gates.GateMisconfigured, f"nft is not installed on {GATEWAY}", {"program": "nft-is-not-here"}),
        (gates.GateMisconfigured, "may not change the packet filter", {"program": _without_rights()}),
        (gates.GateUnreachable, "no-such-namespace", {"namespace": "no-such-namespace"}),
    ]
    for kind, words, other in refusals:
        with pytest.raises(kind, match=words):
            gateway.use(lambda gate: gate.check(), **other)
    with pytest.raises(gates.GateMisconfigured, match="does not show the host key"):
        gateway.use(lambda gate: gate.apply({LINE: "closed"}), host_key=public)
    assert speak(gateway.town, [home(1)]) == {home(1)}


def _without_rights() -> str:
    return "setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all nft"


def test_a_gateway_that_hangs_is_left_after_the_patience(gateway: Reached) -> None:
    began = time.monotonic()
    with pytest.raises(gates.GateUnreachable, match="did not finish in 1 s"):
        gateway.use(lambda gate: gate.check(), program="sh -c 'sleep 3'", timeout_s=1)
    assert time.monotonic() - began < 5
