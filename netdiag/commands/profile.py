"""`python -m netdiag profile`: propose a vendor's profile, check it, try it on a recording."""

from pathlib import Path
from typing import Any

from netdiag import commands, status
from netdiag.commands.snmp import lines_of
from netdiag.snmp import profile_proposal, profile_trial, profiles, walks


def add(parsers: Any) -> None:
    """Add the command to the parser."""
    made = commands.command(parsers, "profile", _profile, "check a vendor's profile, try it on a recording")
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--from-walk", type=Path, metavar="FILE", help="propose a profile for a recording")
    what.add_argument("--check", type=Path, metavar="FILE", help="read a profile strictly")
    what.add_argument("--try", type=Path, metavar="WALK", dest="walk", help="the status this recording gives")
    made.add_argument("profile", nargs="?", type=Path, help="with --try: a profile beside the shipped ones")


def _profile(options: commands.Options) -> int:
    if options.check is not None:
        found = profiles.load_file(options.check)
        commands.say(options, {"file": found.file, "vendor": found.vendor}, f"{found.file} is well formed")
        return commands.ANSWERED
    if options.from_walk is not None:
        proposed = profile_proposal.propose(walks.read(options.from_walk))
        commands.say(options, {"profile": proposed}, proposed.rstrip())
        return commands.ANSWERED
    known = profiles.shipped()
    if options.profile is not None:
        known = (*profiles.load_beside(options.profile), *known)
    with profile_trial.serve(options.walk) as agent:
        read = status.read(profile_trial.target(agent), known=known)
    commands.say(options, status.as_contract(read), "\n".join(lines_of(read)))
    return commands.ANSWERED
