"""The words of registry.gate_kinds.KINDS once more, so that translators find them."""

from typing import Any

from flask_babel import lazy_gettext


def N_(words: str) -> str:  # noqa: N802 - the name translators' tools know
    """Mark words for the catalogue and leave them as they are."""
    return words


WORDS = frozenset(
    (
        N_("Dry run"),
        N_("Says what it would do and touches nothing."),
        N_("Linux gateway (nftables)"),
        N_("Closes lines, walls them in, slows them or leads them to a page: by their addresses."),
        N_("Network namespace"),
        N_("Empty: the filter of this machine. Else the name known to `ip netns`."),
        N_("Program"),
        N_("Name or path of nft; `sudo -n nft` where the user has no right of his own."),
        N_("Priority"),
        N_("Of our chain on the forward hook; the usual filter chains run at 0."),
        N_("Never close"),
        N_("Prefixes no line may be closed in."),
        N_("Garden, IPv4 address"),
        N_("Web requests of walled and warned lines are led here. Empty: nobody is led anywhere."),
        N_("Garden, IPv6 address"),
        N_("The same for IPv6."),
        N_("Garden, port"),
        N_("Where its page listens."),
        N_("Always reachable"),
        N_("What walled lines reach besides: the payment page, the bank's gateway, your own site."),
        N_("Name servers"),
        N_("That walled lines may ask. Empty: all of them."),
        N_("Slow lane, kilobytes a second"),
        N_("For each address and direction."),
        N_("Patience, seconds"),
        N_("Linux gateway over SSH (nftables)"),
        N_("The same on a gateway that is another machine: nft is run there over SSH."),
        N_("Gateway"),
        N_("Its name or address, for SSH."),
        N_("SSH port"),
        N_("User there"),
        N_("Host key"),
        N_("From the gateway itself: /etc/ssh/ssh_host_ed25519_key.pub. No other is accepted."),
        N_("Private key"),
        N_("Without a passphrase, from `ssh-keygen -t ed25519`. Kept sealed; empty: as it is."),
        N_("Switch port (SNMP)"),
        N_("Sets ifAdminStatus of the line's own port down and up."),
        N_("Switches at once"),
        N_("One switch is asked by one worker at a time: small agents choke on more."),
        N_("RADIUS (FreeRADIUS)"),
        N_("Puts the line's login into a group, and ends its live session where that began under another."),
        N_("Database host"),
        N_("Of the FreeRADIUS database in PostgreSQL. Empty: the socket of this machine."),
        N_("Database port"),
        N_("Database"),
        N_("Database user"),
        N_("The rights it needs are written in the operator's manual."),
        N_("Database password"),
        N_("Kept sealed; empty: as it is."),
        N_("TLS to the database"),
        N_("when it is offered"),
        N_("always"),
        N_("always, with its certificate checked"),
        N_("Secrets of the NASes"),
        N_("A line each: address or prefix, secret, port if another. Kept sealed; empty: kept."),
        N_("Port of the NASes"),
        N_("Where they listen for Disconnect and CoA (RFC 5176)."),
        N_("A live session"),
        N_("In place, it is sent the group's name as Filter-Id; closed, it is always ended."),
        N_("is ended"),
        N_("is changed in place"),
        N_("is left alone"),
        N_("A session its NAS does not know"),
        N_("Counts as gone. Ending it in the tables needs a right of its own."),
        N_("is left in the tables"),
        N_("is ended in the tables"),
        N_("Group: open"),
        N_("Empty: none, the login keeps the groups of its plan only."),
        N_("Group: notice"),
        N_("Group: slow"),
        N_("Group: walled garden"),
        N_("Group: closed"),
        N_("Closed means"),
        N_("Rejected, it cannot log in at all."),
        N_("in its group"),
        N_("rejected"),
        N_("Priority of the groups"),
        N_("Less than that of the plans' groups: the first group counts."),
        N_("A session is believed for, seconds"),
        N_("After its last accounting packet; more than twice the interim interval."),
        N_("Tries"),
    )
)


def say(words: str) -> Any:
    """Return the words in the person's language, when they are shown."""
    return lazy_gettext(words)
