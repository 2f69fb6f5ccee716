"""The command `linecard`: what there is, and the way to it. Imports are late, so that it starts quickly."""

import argparse
import sys
from collections.abc import Callable
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from linecard.errors import StartError

if TYPE_CHECKING:
    from core.settings import Settings

Run = Callable[[argparse.Namespace], int]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 well, 1 trouble told in words, 2 wrong usage."""
    from core.errors import LinecardError
    from core.settings import SettingsError

    arguments = sys.argv[1:] if arguments is None else arguments
    args = _parser(is_lab=arguments[:1] == ["lab"]).parse_args(arguments)
    run: Run = args.run
    try:
        return run(args)
    except (StartError, SettingsError, LinecardError) as error:
        print(f"linecard: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser(*, is_lab: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="linecard", description="ISP operations: the customer card.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Run, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("init", _init, "write config.toml with fresh keys, if there is none")
    up = add("up", _up, "run everything on this machine until Ctrl-C")
    up.add_argument("--empty", action="store_true", help="do not fill an empty database with the demo ISP")
    migrate = add("migrate", _migrate, "bring the database's schema to this version")
    migrate.add_argument("revision", nargs="?", default="head", help="default: head")
    migrate.add_argument("--down", action="store_true", help="go down to the revision")
    migrate.add_argument("--draft", metavar="WORDS", help=argparse.SUPPRESS)
    demo = add("demo", _demo, "fill an empty database with the demo ISP")
    demo.add_argument("--if-empty", action="store_true", help="leave a database that is in use, and succeed")
    demo.add_argument("--mark", type=Path, help=argparse.SUPPRESS)
    add("doctor", _doctor, "check every part and say what to do")
    staff = add("create-staff", _create_staff, "add a person who may sign in; asks for the password")
    staff.add_argument("login")
    staff.add_argument("--role", action="append", required=True, help="may be repeated")
    staff.add_argument("--name", default="")
    staff.add_argument("--email", default="")
    _add_import(add)
    _add_charge(add)
    _add_network(add)
    if is_lab:
        from linecard.lab import command

        command.add_arguments(commands)
    else:  # the lab's imports cost half of `--help`
        commands.add_parser("lab", help="build or remove the laboratory of network namespaces (root)")
    _add_workers(add)
    add("garden", _garden, "serve the page for customers who are cut off or warned, for systemd")
    add("beat", _beat, "run the timetable's clock, for systemd")
    add("version", _version, "print the version")
    return parser


def _add_workers(add: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    """The commands of workers, and of the boxes that work in POPs."""
    worker = add("worker", _worker, "run one worker, for systemd")
    what = worker.add_mutually_exclusive_group(required=True)
    what.add_argument("kind", choices=["probe", "work"], nargs="?")
    what.add_argument(
        "--pop", metavar="NAME", help="on the box of a POP: with its own key, without a database"
    )
    worker.add_argument(
        "--join", metavar="TICKET", help="first join with a ticket; - reads it from standard input"
    )
    worker.add_argument(
        "--file", type=Path, default=Path("/etc/linecard/pop.toml"), help="what the box knows"
    )
    worker.add_argument("--only-join", action="store_true", help="join, and end")
    pop = add("pop", _pop, "invite a box to a POP, shut it out, or keep the door by which boxes come in")
    pop.add_argument("act", choices=["invite", "revoke", "door"])
    pop.add_argument("name", metavar="NAME", nargs="?", default="", help="the POP's code")


def _add_import(add: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    """The command that moves another system's customers in."""
    moved = add("import-lms", _import_lms, "move in from an LMS database, which is only read")
    moved.add_argument(
        "--from", dest="url", required=True, metavar="URL", help="postgresql://user:word@host/lms"
    )
    moved.add_argument("--test", action="store_true", help="do it all, show both sides, and undo it")
    moved.add_argument("--history", action="store_true", help="every line of money, not balances alone")
    moved.add_argument(
        "--opening",
        type=date.fromisoformat,
        help="first day billed here (YYYY-MM-DD); LMS has billed all before it; default: today",
    )
    moved.add_argument("--system", default="lms", help="by which name the ids are kept; default: lms")


def _add_charge(add: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    """The command that charges."""
    charge = add(
        "charge", _charge, "charge every period that has begun; what is charged already stays as it is"
    )
    charge.add_argument("--test", action="store_true", help="show what would be charged, change nothing")
    charge.add_argument("--on", type=date.fromisoformat, help="business date (YYYY-MM-DD); default: today")
    charge.add_argument("--customer", metavar="NUMBER", help="the customer with this number alone")


def _add_network(add: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    """The commands about who is cut off, and the gates that do it."""
    cutoff = add("cutoff", _cutoff, "plan who would be cut off, and why")
    cutoff.add_argument(
        "--dry-run", action="store_true", required=True, help="print the plan, change nothing"
    )
    cutoff.add_argument("--date", type=date.fromisoformat, help="business date (YYYY-MM-DD); default: today")
    gate = add("gate", _gate, "try a configured gate from where it is told, change nothing")
    gate.add_argument("act", choices=["check"])
    gate.add_argument("name", metavar="NAME")


def _settings() -> "Settings":
    from core import settings

    return settings.load()


def _init(_: argparse.Namespace) -> int:
    from core import settings
    from linecard import init

    path = settings.path_of_file()
    init.write(path)
    print(f"{path} is written, with fresh keys. Keep a copy of it.")
    return 0


def _up(args: argparse.Namespace) -> int:
    from linecard import up

    return up.run(_settings(), has_demo=not args.empty)


def _migrate(args: argparse.Namespace) -> int:
    from linecard import embedded, migrate

    if args.draft:
        migrate.draft(args.draft)
        return 0
    settings = _settings()
    with embedded.attached(settings) as urls:
        if args.down:
            migrate.downgrade(urls.database, args.revision)
        else:
            migrate.upgrade(urls.database, args.revision, locale=settings.isp.locale)
        print(f"The schema is at {', '.join(sorted(migrate.current(urls.database))) or 'nothing'}.")
    return 0


def _demo(args: argparse.Namespace) -> int:
    from linecard import seed

    return seed.run(_settings(), if_empty=args.if_empty, mark=args.mark)


def _doctor(_: argparse.Namespace) -> int:
    from linecard import doctor

    return doctor.run()


def _create_staff(args: argparse.Namespace) -> int:
    from linecard import staff

    return staff.create(_settings(), args)


def _import_lms(args: argparse.Namespace) -> int:
    from linecard import import_lms

    return import_lms.run(_settings(), args)


def _charge(args: argparse.Namespace) -> int:
    from linecard import charge

    return charge.run(_settings(), args.on, customer=args.customer, is_test=args.test)


def _cutoff(args: argparse.Namespace) -> int:
    from linecard import cutoff

    return cutoff.show_plan(_settings(), args.date)


def _gate(args: argparse.Namespace) -> int:
    from linecard import gate

    return gate.check(_settings(), args.name)


def _worker(args: argparse.Namespace) -> int:
    if args.pop:
        from linecard import pop_worker

        return pop_worker.run(args.pop, args.file, args.join, is_once=args.only_join)
    from linecard import programs

    programs.become(programs.worker(_settings(), args.kind))
    return 0


def _pop(args: argparse.Namespace) -> int:
    from linecard import pop

    return pop.run(_settings(), args.act, args.name)


def _beat(_: argparse.Namespace) -> int:
    from linecard import programs

    programs.become(programs.beat(_settings()))
    return 0


def _garden(_: argparse.Namespace) -> int:
    from linecard import programs

    programs.become(programs.garden(_settings()))
    return 0


def _version(_: argparse.Namespace) -> int:
    print(f"linecard {metadata.version('linecard')}")
    return 0
