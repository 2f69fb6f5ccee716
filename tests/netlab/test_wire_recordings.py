"""Real devices as they were recorded: each gives a complete and sane status, and the table in the docs says so."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from netdiag import errors, status
from netdiag.snmp import SnmpTarget, system
from tests.netlab import recordings

pytestmark = [pytest.mark.singly, pytest.mark.unmeasured]

ADMIN = {"up", "down", "testing", None}
OPER = {"up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown", None}
BY_SNMPSIM = ["network/switch/dlink-des3200.snmprec.bz2", "UPS/apc-7902b.snmprec"]


@pytest.mark.parametrize("name", recordings.names())
def test_a_recorded_device_gives_a_complete_and_sane_status(name):
    text = recordings.cut(name)
    found = recordings.read(text)
    described = {
        row.split("|")[0].rsplit(".", 1)[1]
        for row in text.split("\n")
        if row.startswith("1.3.6.1.2.1.2.2.1.2.")
    }
    assert described <= {str(port.if_index) for port in found.ports}
    assert len({port.if_index for port in found.ports}) == len(found.ports)
    for port in found.ports:
        assert port.admin in ADMIN
        assert port.oper in OPER
        assert port.speed_bps is None or 0 < port.speed_bps <= 10**13
        assert port.mac is None or len(port.mac) == 17
    for light in found.optics:
        assert light.rx_dbm is None or -60 <= light.rx_dbm <= 20
    if found.system.object_id and found.system.object_id.startswith("1.3.6.1.4.1."):
        assert found.vendor or "1.3.6.1.4.1.0." in found.system.object_id
    assert not any("the time for this device was over" in words for words in found.warnings)
    assert recordings.line(name, found) in recordings.DOC.read_text().splitlines(), (
        "write docs/devices.md anew"
    )


@contextlib.contextmanager
def snmpsim(folder: Path):
    """Run snmpsim over a folder of recordings, as a user of no rights where the tests are root."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "cache").mkdir()
    arguments = [
        f"--data-dir={folder}",
        f"--cache-dir={folder / 'cache'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
    ]
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
        arguments += ["--process-user=nobody", "--process-group=nogroup"]
    command = Path(sys.executable).with_name("snmpsim-command-responder")
    with subprocess.Popen(
        [command, "--quiet", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as simulator:
        try:
            yield port
        finally:
            simulator.terminate()


@pytest.fixture
def open_folder():
    """A folder that a user of no rights reaches: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="snmpsim-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_an_independent_simulator_gives_the_same_status(open_folder):
    folder = open_folder
    texts = {f"recording{number}": recordings.cut(name) for number, name in enumerate(BY_SNMPSIM)}
    for community, text in texts.items():
        (folder / f"{community}.snmprec").write_text(text, errors="surrogateescape")
    with snmpsim(folder) as port:
        for community, text in texts.items():
            target = SnmpTarget("127.0.0.1", port, community=community, timeout_s=5)
            until = time.monotonic() + 60
            while True:
                with contextlib.suppress(errors.SnmpFailed):
                    system.read(target)
                    break
                assert time.monotonic() < until, "snmpsim did not begin to answer"
                time.sleep(0.3)
            there, here = status.read(target, deadline_s=60), recordings.read(text)
            assert (there.ports, there.fdb, there.system) == (here.ports, here.fdb, here.system)
            assert (there.vendor, there.model, there.version, there.serial) == (
                here.vendor, here.model, here.version, here.serial,
            )  # fmt: skip
