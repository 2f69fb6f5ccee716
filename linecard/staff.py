"""`linecard create-staff`: the first administrator, or anybody else who is to sign in."""

import argparse
import getpass
import os
import sys

from core import db, errors
from core.settings import Settings
from linecard import embedded
from linecard.errors import StartError
from registry import audit, staff
from webapp import permissions


def create(settings: Settings, args: argparse.Namespace) -> int:
    """Add a member of staff; the password is asked for, or read from the first line of standard input."""
    unknown = sorted(set(args.role) - set(permissions.ROLES))
    if unknown:
        raise StartError(f"There is no role {unknown[0]}; there are {', '.join(permissions.ROLES)}.")
    password = _password()
    with embedded.attached(settings) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            with database.transaction() as session:
                made = staff.create(
                    session,
                    audit.Actor(None, f"shell: {person()}"),
                    login=args.login,
                    name=args.name or args.login,
                    password=password,
                    roles=args.role,
                    email=args.email,
                )
                print(f"{made.login} may sign in as {', '.join(made.roles)}.")
        except errors.Invalid as error:
            faults = "; ".join(f"{field}: {fault}" for field, fault in error.fields.items())
            raise StartError(f"{error.message}. {faults}") from error
        finally:
            database.dispose()
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise StartError("The two passwords differ.")
    return first


def person() -> str:
    """Name the person at the shell for the history; a uid without an account has no name."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
