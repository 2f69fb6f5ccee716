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
        N_("Rejects every packet from and to the addresses of a closed line."),
        N_("Network namespace"),
        N_("Empty: the filter of this machine. Else the name known to `ip netns`."),
        N_("Program"),
        N_("Name or path of nft."),
        N_("Priority"),
        N_("Of our chain on the forward hook; the usual filter chains run at 0."),
        N_("Never close"),
        N_("Prefixes no line may be closed in."),
        N_("Patience, seconds"),
        N_("Switch port (SNMP)"),
        N_("Sets ifAdminStatus of the line's own port down and up."),
        N_("Switches at once"),
        N_("One switch is asked by one worker at a time: small agents choke on more."),
    )
)


def say(words: str) -> Any:
    """Return the words in the person's language, when they are shown."""
    return lazy_gettext(words)
