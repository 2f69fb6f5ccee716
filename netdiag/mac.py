"""MAC addresses: any common spelling in, one spelling out; random or not; whose."""

import re

from netdiag import errors

_SPELLINGS = re.compile(
    r"[0-9a-f]{12}"
    r"|[0-9a-f]{1,2}([:-])[0-9a-f]{1,2}(?:\1[0-9a-f]{1,2}){4}"
    r"|[0-9a-f]{4}([.:-])[0-9a-f]{4}\2[0-9a-f]{4}"
    r"|[0-9a-f]{6}([.:-])[0-9a-f]{6}"
    r"|[0-9a-f]{2}(?: [0-9a-f]{2}){5}"
)
_LOCAL_BIT = 0x02


def parse(text: str) -> str:
    """Return a MAC as 00:11:22:33:44:55 whatever way it is written; raises BadAddress.

    Understands colons, dashes, Cisco's and Huawei's groups of four, groups of six, blanks, and none.
    """
    plain = text.strip().lower().removeprefix("0x")
    if not _SPELLINGS.fullmatch(plain):
        raise errors.BadAddress(f"{text!r} is not a MAC address")
    groups = re.split(r"[.: -]", plain)
    digits = "".join(group.zfill(2) for group in groups) if len(groups) == 6 else "".join(groups)
    return ":".join(digits[start : start + 2] for start in range(0, 12, 2))


def is_random(mac: str) -> bool:
    """Tell whether a MAC is made up by its owner (locally administered, IEEE 802), as phones do."""
    return bool(int(parse(mac)[:2], 16) & _LOCAL_BIT)


def vendor(mac: str) -> str | None:
    """Return the maker registered for a MAC, or None if unknown or made up.

    The list of makers is scapy's, so the ARP program is asked; None if that cannot run here.
    """
    from netdiag import arp_client

    colon_mac = parse(mac)
    return None if is_random(colon_mac) else arp_client.vendor(colon_mac)
