"""What the commands of `python -m netdiag` share: exit codes, output, credentials from options."""

import argparse
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netdiag import errors, icmp

if TYPE_CHECKING:
    from netdiag.snmp import SnmpTarget

ANSWERED, USAGE, SILENT, REFUSED = 0, 2, 3, 4

Options = argparse.Namespace


def command(commands: Any, name: str, run: Callable[[Options], int], words: str) -> argparse.ArgumentParser:
    """Add a command to the parser; `run` returns its exit code."""
    made: argparse.ArgumentParser = commands.add_parser(name, help=words, description=words)
    made.add_argument("--json", action="store_true", help="JSON, one object a line")
    made.set_defaults(run=run)
    return made


def resolve(text: str) -> str:
    """Return the address of a literal or a host name, IPv4 first; raises BadAddress."""
    try:
        return str(icmp.parse_address(text))
    except errors.BadAddress as fault:
        import icmplib  # here and below: who pings an address is not kept waiting by what that does not need

        try:
            return str(icmplib.resolve(text.strip())[0])
        except (icmplib.NameLookupError, UnicodeError):
            raise errors.BadAddress(f"{fault} nor a name that can be resolved") from None


def credentials(parser: argparse.ArgumentParser) -> None:
    """Add the options that open an SNMP agent."""
    from netdiag.snmp import target

    keys = parser.add_argument_group(
        "SNMP",
        "keys are read from NETDIAG_COMMUNITY, NETDIAG_AUTH_KEY and NETDIAG_PRIV_KEY, where other users' ps "
        "does not show them; --community is for a laboratory",
    )
    keys.add_argument("-v", "--version", choices=("1", "2c", "3"), default="2c")
    keys.add_argument("-u", "--user", default="")
    keys.add_argument("-a", "--auth", choices=target.AUTH_PROTOCOLS)
    keys.add_argument("-x", "--priv", choices=target.PRIV_PROTOCOLS)
    keys.add_argument("-p", "--port", "--udp-port", type=int, default=161, dest="udp_port", metavar="PORT")
    keys.add_argument("-c", "--community", help="instead of NETDIAG_COMMUNITY")
    keys.add_argument("--timeout", type=float, default=3.0, metavar="SECONDS")


def target_of(options: Options, host: str) -> "SnmpTarget":
    """Build the target; keys come from the environment, a community may be an option."""
    from netdiag.snmp import SnmpTarget

    return SnmpTarget(
        host=host,
        port=options.udp_port,
        version=options.version,
        community=options.community or os.environ.get("NETDIAG_COMMUNITY", "public"),
        user=options.user,
        auth_protocol=options.auth,
        auth_key=os.environ.get("NETDIAG_AUTH_KEY", ""),
        priv_protocol=options.priv,
        priv_key=os.environ.get("NETDIAG_PRIV_KEY", ""),
        timeout_s=options.timeout,
    )


def say(options: Options, found: dict[str, Any], words: str) -> None:
    """Print a result: as one JSON object a line, or in words."""
    print(json.dumps(found) if options.json else words, flush=True)
