"""`python -m netdiag COMMAND`, `--help` lists them: the wire from a shell, for engineers.

Exit codes: 0 answered, 2 wrong usage, 3 silent, 4 refused or not permitted.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from netdiag import errors
from netdiag.commands import REFUSED, SILENT, USAGE, Options, ping


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(words).parse_args(words)
    run: Callable[[Options], int] = options.run
    try:
        return run(options)
    except (errors.BadAddress, errors.NoInterface, ValueError) as fault:
        return _complain(fault, USAGE)
    except errors.SnmpSilent as fault:
        return _complain(fault, SILENT)
    except errors.WireError as fault:
        return _complain(fault, REFUSED)
    except KeyboardInterrupt:
        return SILENT


def _complain(fault: Exception, code: int) -> int:
    print(f"netdiag: {fault}", file=sys.stderr)
    return code


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; a ping is not kept waiting by all that SNMP loads."""
    parser = argparse.ArgumentParser(prog="python -m netdiag", description=__doc__)
    parsers = parser.add_subparsers(required=True, metavar="command")
    ping.add(parsers)
    if not words or words[0] not in ping.NAMES:
        from netdiag.commands import mac, profile, snmp

        for area in (mac, snmp, profile):
            area.add(parsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
