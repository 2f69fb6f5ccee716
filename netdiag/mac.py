"""MAC addresses: any common spelling in, one spelling out; random or not; whose."""

import asyncio
import re
import threading

import aiooui

from netdiag import errors

_SPELLINGS = re.compile(
    r"[0-9a-f]{12}"
    r"|[0-9a-f]{1,2}([:-])[0-9a-f]{1,2}(?:\1[0-9a-f]{1,2}){4}"
    r"|[0-9a-f]{4}([.:-])[0-9a-f]{4}\2[0-9a-f]{4}"
    r"|[0-9a-f]{6}([.:-])[0-9a-f]{6}"
    r"|[0-9a-f]{2}(?: [0-9a-f]{2}){5}"
)
_LOCAL_BIT = 0x02
_IN_PARTS = {"IEEE Registration Authority"}
_LOADING = threading.Lock()


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
    """Return the maker registered for a MAC with the IEEE, or None if unknown or made up.

    Blocks that the IEEE gives away in small parts (28 and 36 bits) are only known to the ARP program: it is
    asked if it runs here already, and never started for this.
    """
    colon_mac = parse(mac)
    if is_random(colon_mac):
        return None
    _load()
    found = aiooui.get_vendor(colon_mac)
    if found in _IN_PARTS:
        from netdiag import arp_client

        return arp_client.vendor(colon_mac)
    return found


def _load() -> None:
    """Map the list of makers once; its only way to load wants an event loop, so it gets one of its own."""
    if not aiooui.is_loaded():
        with _LOADING:
            if not aiooui.is_loaded():
                loader = threading.Thread(target=lambda: asyncio.run(aiooui.async_load()))
                loader.start()
                loader.join()
