"""The lab's SNMP agents: real Net-SNMP daemons, each inside its namespace with a folder of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from linecard.lab import bridge_mib, plan, shell
from linecard.lab.state import Daemon

# What netdiag calls SHA256 is SHA-256 to Net-SNMP.
_NAMES = {"SHA256": "SHA-256"}
READY_S = 10.0
STOP_S = 5.0


def configuration(device: plan.Device) -> str:
    """Return the snmpd.conf of a device: v2c to read and to write, one v3 user who may write."""
    snmp = device.snmp
    auth = f"{_NAMES[snmp.auth_protocol]} {snmp.auth_key}"
    lines = [
        "agentaddress udp:161",
        "dontLogTCPWrappersConnects yes",
        f"sysName {device.name}",
        f"sysDescr Linecard laboratory {device.kind}, Net-SNMP on Linux",
        "sysLocation Network namespace",
        "sysContact noc@example.net",
        f"rocommunity {snmp.read_community}",
        f"rwcommunity {snmp.write_community}",
        f"createUser {snmp.user} {auth} {snmp.priv_protocol} {snmp.priv_key}",
        f"rwuser {snmp.user} authPriv",
    ]
    if device.kind == "switch":
        # Net-SNMP has no bridge MIB of its own. -I: nothing of the caller's environment gets in.
        oid = ".".join(map(str, bridge_mib.BRIDGE))
        lines.append(f"pass_persist .{oid} {sys.executable} -I -S {Path(bridge_mib.__file__).resolve()}")
    return "\n".join(lines) + "\n"


def start(device: plan.Device, folder: Path) -> Daemon:
    """Start the agent of a device; it outlives this command. Raises LabError with the agent's own words."""
    home = folder / device.key
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True)
    (home / "snmpd.conf").write_text(configuration(device), encoding="utf-8")
    # -f keeps the pid we are given; without -r and -u it stays root, as changing a port needs.
    command = ["snmpd", "-f", "-C", "-c", str(home / "snmpd.conf"), "-Lf", str(home / "snmpd.log")]
    started = subprocess.Popen(
        shell.inside(device.namespace, *command, "-p", str(home / "snmpd.pid")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**shell.environment(), "SNMP_PERSISTENT_DIR": str(home), "MIBS": ""},
        start_new_session=True,
        cwd=home,
    )
    started.returncode = 0  # it outlives this command: nobody waits for its end here
    return Daemon(f"snmpd {device.key}", started.pid, started_at(started.pid), device.namespace)


def wait_ready(device: plan.Device, daemon: Daemon, folder: Path) -> None:
    """Wait until the agent has written that it runs; raises LabError with the end of its log."""
    log = folder / device.key / "snmpd.log"
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        words = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        if "NET-SNMP version" in words:
            return
        if not is_alive(daemon):
            raise shell.LabError(
                f"the SNMP agent {device.key} ended: {words.strip()[-300:] or 'without a word'}"
            )
        time.sleep(0.02)
    raise shell.LabError(f"the SNMP agent {device.key} did not start in {READY_S:g} s; its log is {log}")


def stop(daemons: tuple[Daemon, ...]) -> None:
    """End these processes, each only if it is still the one that was started; wait for their end."""
    alive = [daemon for daemon in daemons if is_alive(daemon)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for daemon in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(daemon.pid, number)
        until = time.monotonic() + STOP_S
        while alive and time.monotonic() < until:
            _reap(alive)
            alive = [daemon for daemon in alive if is_alive(daemon)]
            time.sleep(0.02 if alive else 0)
    if alive:
        raise shell.LabError(f"these processes do not end: {', '.join(str(daemon.pid) for daemon in alive)}")


def unrecorded(folder: Path) -> tuple[Daemon, ...]:
    """Find agents of this lab folder among all processes: a kill before the record leaves one behind."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "snmpd" in words and any(word.startswith(f"{folder}/") for word in words):
                found.append(Daemon("snmpd", int(entry.name), started_at(int(entry.name)), ""))
    return tuple(found)


def is_alive(daemon: Daemon) -> bool:
    """Tell whether the process that was started still runs: the same pid with the same start time."""
    return daemon.started_at != 0 and started_at(daemon.pid) == daemon.started_at


def started_at(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 where it is gone or a zombie (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _reap(daemons: list[Daemon]) -> None:
    """Collect those that are our own children, so that they do not stay as zombies."""
    for daemon in daemons:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(daemon.pid, os.WNOHANG)
