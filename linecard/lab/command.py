"""`linecard lab up|down|status`: the laboratory from the shell."""

import argparse
import contextlib
import functools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from core import db, errors, settings
from linecard import lab, seed
from linecard.lab import plan as plans

OK, FAILED, NOT_THERE = 0, 1, 3


Run = Callable[[argparse.Namespace], int]


def add_arguments(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `lab` with its three commands; each leaves its function in `args.run`."""
    parser = subparsers.add_parser("lab", help="a laboratory of network namespaces (root, Linux)")
    commands = parser.add_subparsers(dest="lab_command", required=True, metavar="up|down|status")
    runs: tuple[tuple[str, Run, str], ...] = (
        ("up", up, "build the laboratory, or mend it"),
        ("down", down, "remove everything the laboratory made"),
        ("status", status, "say what stands (exit code 3: nothing does)"),
    )
    for name, run, text in runs:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--data-dir", type=Path, default=None, help="data folder; default: [data] folder of the settings"
        )
        if name == "up":
            command.add_argument(
                "--prefix",
                default="",
                help="of the namespaces' names; default: that of the lab there is, or lc-",
            )
        command.set_defaults(run=run)


def _told(run: Run) -> Run:
    """Print an error made on purpose as words instead of a traceback, and fail."""

    @functools.wraps(run)
    def told(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except (errors.LinecardError, lab.LabError, settings.SettingsError) as error:
            print(error, file=sys.stderr)
            return FAILED

    return told


@_told
def up(args: argparse.Namespace) -> int:
    """Build the lab, point the demo at it where there is one, and say how to use it."""
    folder = data_dir(args)
    standing = lab.status(folder)
    prefix = args.prefix or (standing.prefix if standing else plans.DEFAULT_PREFIX)
    with _stoppable():
        found = lab.up(folder, prefix)
    plan = found.plan
    print(
        f"The lab is up: {len(plan.customers)} customers, {len(plan.devices)} SNMP agents, "
        f"gateway {plan.gateway.address} ({plan.gateway.namespace}).\n"
        f"Look inside:  ip netns exec {plan.probe_namespace} ping {plan.customer('c1').address}\n"
        f"Remove it:    linecard lab down"
    )
    with _demo(folder) as known:
        if known:
            from linecard.demo import lab as demo_lab

            demo_lab.point_at_lab(*known, plan)
            print("The demo has its customers on file: LAB-1 and following.")
    return OK


@_told
def down(args: argparse.Namespace) -> int:
    """Remove the lab, and put the lines the demo has in it on dry run."""
    folder = data_dir(args)
    print("The lab is removed." if lab.down(folder) else "There is no lab.")
    with _demo(folder) as known:
        if known:
            from linecard.demo import lab as demo_lab

            if demo_lab.point_away(known[1]):
                print("Its customers stay on file; their lines are on dry run.")
    return OK


@_told
def status(args: argparse.Namespace) -> int:
    """Say what stands; exit code 0 for a whole lab, 1 for a damaged one, 3 for none."""
    found = lab.status(data_dir(args))
    if found is None:
        print("There is no lab. `linecard lab up` builds one.")
        for fault in lab.missing():
            print(f"  {fault}")
        return NOT_THERE
    state = "whole" if found.is_whole else "damaged; `linecard lab up` mends it"
    print(f"The lab {found.prefix}* is {state}.")
    for fault in found.faults:
        print(f"  {fault}")
    for daemon in found.daemons:
        print(f"  {daemon.name} in {daemon.namespace}, pid {daemon.pid}")
    for customer in found.plan.customers:
        where = customer.port or "no port"
        print(f"  {customer.key:<4} {customer.address:<12} {customer.mac}  {where:<7} {customer.behaviour}")
    return OK if found.is_whole else FAILED


def data_dir(args: argparse.Namespace) -> Path:
    """Return the data folder: --data-dir, else [data] folder of the settings."""
    named: Path | None = args.data_dir
    return named or settings.load().data.folder


@contextlib.contextmanager
def _demo(folder: Path) -> Iterator[tuple[settings.Settings, db.Database] | None]:
    """Reach the demo's database, whether or not `linecard up` runs on it; None where there is no demo."""
    if not (folder / seed.MARK).exists():
        yield None
        return
    from linecard import demo, embedded

    found = settings.load()
    there = found.model_copy(update={"data": found.data.model_copy(update={"folder": folder})})
    with embedded.attached(there) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            with database.reading() as session:
                is_demo = demo.is_demo(session)
            yield (there, database) if is_demo else None
        finally:
            database.dispose()


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exit, so that an interrupted building cleans up behind itself."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)
