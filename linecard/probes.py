"""Where the probe workers run: the demo's in its pocket, a second one inside the lab while that stands."""

import os
from pathlib import Path

from core.settings import Settings
from linecard import embedded, lab, programs
from linecard.children import Program
from linecard.demo import pocket
from linecard.lab import shell, state
from linecard.supervisor import Supervisor

LAB_POP = "lab"
LAB_PROBE = "probe-lab"
# Nobody waits for what a worker does in a lab that is gone.
_LAB_STOP_S = 3.0

Sight = tuple[int, int] | None


def open_pocket(urls: embedded.Urls, watcher: Supervisor) -> list[str]:
    """Make the demo's private loopback, where this machine lets us; return what to put before a command.

    It lives as long as this process or a program inside.
    """
    if not _are_sockets(urls):
        watcher.say("The demo runs on the plain loopback: its servers are not on unix sockets.")
        return []
    try:
        return pocket.open().prefix
    except pocket.Unavailable as error:
        watcher.say(f"The demo: {error}")
        return []


def lab_worker(settings: Settings, found: lab.LabStatus) -> Program:
    """Return the probe worker of the lab's POP, run inside the lab."""
    there = settings.diagnostics.model_copy(update={"pop": LAB_POP})
    made = programs.worker(
        settings.model_copy(update={"diagnostics": there}), programs.PROBE, lab.probe_prefix(found)
    )
    return Program(
        LAB_PROBE,
        made.argv,
        env={**made.env, "LINECARD_DIAGNOSTICS__POP": LAB_POP},
        stop_s=_LAB_STOP_S,
        orphan_signal=made.orphan_signal,
    )


class LabWatch:
    """Starts the lab's worker when `linecard lab up` has built a lab, ends it when `lab down` removes it."""

    def __init__(self, settings: Settings, urls: embedded.Urls, watcher: Supervisor) -> None:
        self._settings, self._watcher = settings, watcher
        self._data = settings.data.folder.absolute()
        self._seen: Sight = None
        self._inside: tuple[state.Daemon, ...] = ()
        self._hindrance, self._is_told = _hindrance(urls), False

    def look(self) -> None:
        """Act on what changed since the last look; costs one stat where nothing did."""
        sight = _sight(self._data / state.FILE)
        if sight == self._seen:
            return
        self._seen = sight
        if self._hindrance:
            if sight and not self._is_told:
                self._watcher.say(f"A lab stands, but no worker can run inside: {self._hindrance}")
                self._is_told = True
            return
        try:
            found = lab.status(self._data)
        except lab.LabError as error:
            self._watcher.say(str(error))
            return
        standing = found.daemons if found and found.is_whole else ()
        if standing == self._inside:
            return
        if self._inside:
            self._watcher.say("The lab is gone: its probe worker ends")
            self._watcher.stop([[LAB_PROBE]])
        self._inside = standing
        if found and standing:
            self._watcher.say(f"The lab stands: its probe worker runs in {found.plan.probe_namespace}")
            self._watcher.start(lab_worker(self._settings, found))


def _hindrance(urls: embedded.Urls) -> str:
    """Return why no worker can run inside a lab; empty when one can."""
    if os.geteuid() != 0:
        return "that takes `linecard up` as root."
    if not _are_sockets(urls):
        return "only unix sockets cross network namespaces, and database or queue are elsewhere."
    return "" if shell.find("ip") else "ip is not installed (apt install iproute2)."


def _sight(path: Path) -> Sight:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns


def _are_sockets(urls: embedded.Urls) -> bool:
    """Whether both servers are reached by unix sockets (libpq: host=/..., redis-py: unix://...)."""
    return "host=/" in urls.database.replace("%2F", "/") and urls.queue.startswith("unix")
