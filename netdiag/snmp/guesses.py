"""What a sysDescr without a profile most likely says: version, serial, model; None rather than noise."""

import re

_WORDS = "(?:version|ver|revision|rev|release)"
_VERSIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:soft\s?ware|firmware|image|sw|fw|os)[\s_]*{_WORDS}?\.?\s*[:=]?\s*(v?\d+(?:\.\d+)+[\w.()-]*)",
        (
            rf"\b(?:soft\s?ware|firmware|product|system|sw|fw)[\s_]+{_WORDS}\.?\s*[:=]?\s*"
            r"((?:release\s+)?[\w-]*\d[\w.()-]*)"
        ),
        r"\b(?:version|ver|release|revision|rev)\.?\s*[:=]?\s*(v?\d[\w.()-]*)",
        r"\bfw:\s*(\w[\w.-]*)",
        r"(?<![\w.])(v\d+(?:\.\d+)+[\w.()-]*)",
        r"(?<![\w.-])(\d+(?:\.\d+){2,}[\w.()-]*)",
    )
)
_KERNEL = re.compile(r"^(?:Linux|FreeBSD|NetBSD|OpenBSD|SunOS|Darwin|AIX)\s+\S+\s+(\d[\w.+-]*)")
_SERIAL = re.compile(
    r"\b(?:SN|S/N|Serial(?:\s*(?:Number|No\.?|#))?)\s*[:=]?\s*([A-Z0-9][A-Z0-9-]{4,30})\b", re.IGNORECASE
)
_NAMED_MODEL = re.compile(r"\b(?:MODEL|MN|Product(?:\s+name)?)\s*[:=]\s*([\w][\w./+-]*)", re.IGNORECASE)
# Letters, then digits, perhaps more behind a dash: DES-3200-18, S5720-36C-EI-AC, ICX6430-24, WLC2800, RB750.
_TOKEN = re.compile(r"(?<![\w./-])(?:[A-Z]{1,8}[a-z]{0,6}-?){1,3}\d[\w+-]*(?:/[\w+-]+)?(?![\w.])")
_NUMBER_FIRST = re.compile(r"(?<![\w./-])\d{3,5}[A-Z]{1,4}(?:-[\w]+)*(?![\w.])")
_NO_MODEL = re.compile(
    r"^(?:V\d|R\d|B\d|P\d|IPV\d|RFC|SNMPV|X86|I[3-6]86|ARMV|AMD64|SMP|MIPS|UTC|GMT|CST|HTTP|RS-?\d|SHA|MD5|"
    r"L2$|L3$|L4$|E1$|T1$|H\.26|USB|WIN32|RELEASE|VERSION|BUILD|REV|VER|SW|FW|HW|MB|PF|PN|AF\d|AN\d|SN|HR|MD)",
    re.IGNORECASE,
)
_HOSTS = re.compile(r"^(?:Linux|FreeBSD|NetBSD|OpenBSD|SunOS|Darwin|Windows|Hardware:)")
_SHORT = 40


def version(description: str) -> str | None:
    """Return the version a sysDescr names; of a host's description the kernel's."""
    kernel = _KERNEL.match(description)
    if kernel:
        return kernel.group(1)
    for pattern in _VERSIONS:
        hit = pattern.search(description)
        if hit:
            return _tidy(hit.group(1)) or None
    return None


def serial(description: str) -> str | None:
    """Return the serial number a sysDescr names after SN or Serial; it holds a digit at least."""
    hit = _SERIAL.search(description)
    return hit.group(1) if hit and any(letter.isdigit() for letter in hit.group(1)) else None


def model(description: str, vendor: str | None = None) -> str | None:
    """Return the first thing in a sysDescr that looks like a maker's model; None for a host's description."""
    text = description.strip()
    named = _NAMED_MODEL.search(text)
    if named:
        return named.group(1)
    if _HOSTS.match(text):
        return None
    head = re.split(r"\b(?:Version|Ver|Copyright|Compiled|Build)\b", text, maxsplit=1, flags=re.IGNORECASE)[0]
    for pattern in (_TOKEN, _NUMBER_FIRST):
        for hit in pattern.finditer(head):
            token = hit.group(0).rstrip("-+/")
            if 3 <= len(token) <= 30 and not _NO_MODEL.match(token):
                return token
    return _short_text(text, vendor)


def _short_text(text: str, vendor: str | None) -> str | None:
    """Return a short description with a number in it as it is, without the maker's name before it."""
    if len(text) > _SHORT or "\n" in text or not any(letter.isdigit() for letter in text):
        return None
    if re.search(r"\d+\.\d+\.\d+", text) or re.fullmatch(r"[\d.\s:/-]+", text):
        return None
    if vendor and text.lower().startswith(vendor.lower() + " "):
        text = text[len(vendor) :].strip()
    return text or None


def _tidy(found: str) -> str:
    """Return a version without the bracket or comma that the sentence had behind it."""
    found = found.strip().rstrip(",;.-")
    while found.endswith(")") and found.count("(") < found.count(")"):
        found = found[:-1]
    return found
