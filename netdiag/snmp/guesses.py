"""What a sysDescr without a profile most likely says: version, serial, model; None rather than noise."""

import re

_WORDS = "(?:version|ver|revision|rev|release)"
_NUMBER = r"((?:v\.?|v_)?\d+(?:\.\d+)+[\w.()-]*)"
# A hardware's or a boot loader's version is not the software's.
_OWN = r"(?<!hw:\s)(?<!hw\s)(?<!hardware\s)(?<!hardware:\s)(?<!boot\s)(?<!kernel\s)"
_VERSIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:soft\s?ware|firmware|image|sw|fw|os)[\s_]*{_WORDS}?\.?\s*[:=]?\s*(?:{_WORDS}\s*)?{_NUMBER}",
        (
            rf"\b(?:soft\s?ware|firmware|product|system|sw|fw)[\s_]+{_WORDS}\.?\s*[:=]?\s*"
            r"((?:release\s+)?[\w-]*\d[\w.()-]*)"
        ),
        r"\b[a-z]{1,12}OS[\s_-]+(v?\d+\.\d+[\w.()-]*)",
        rf"{_OWN}\b(?:version|ver|release|revision|rev)\.?\s*[:=]?\s*((?:v[._]?)?\d[\w.()-]*)",
        rf"{_OWN}\bversion[:=\s]+([a-z][\w-]*\.[\w.-]*\d[\w.-]*)",
        r"\bfw:\s*(\w[\w.-]*)",
        r"(?<![\w.])(v\d+(?:\.\d+)+[\w.()-]*)",
        r"(?<![\w.-])(\d+(?:\.\d+){2,}[\w.()-]*)",
    )
)
_KERNEL = re.compile(r"^(?:Linux|FreeBSD|NetBSD|OpenBSD|SunOS|Darwin|AIX)\s+\S+\s+(\d[\w.+-]*)")
_SERIAL = re.compile(
    r"\b(?:S/?N[\s:=#-]|Ser#|Serial(?:\s*(?:Number|No\.?|#))?)\s*[:=#-]?\s*([A-Z0-9][A-Z0-9-]{4,30})\b",
    re.IGNORECASE,
)
_NAMED_MODEL = re.compile(
    r"\b(?:MODEL|MOD|MN|Product(?:\s+name)?)\s*[:=]\s*(\w[^,;()\[\]:\n]{0,40}?)"
    r"(?=\s*[,;()\[\]\n]|\s+-\s|\s+\w+\s*[:=]|\s*$)",
    re.IGNORECASE,
)
# Letters, then digits, perhaps more behind a dash: DES-3200-18, S5720-36C-EI-AC, ICX6430-24, WLC2800, RB750.
_TOKEN = re.compile(r"(?<![\w./-])(?:[A-Z]{1,8}[a-z]{0,6}-?){1,3}\d[\w+-]*(?:/[\w+-]+)?(?![\w.])")
_NUMBER_FIRST = re.compile(r"(?<![\w./-])\d{3,5}(?:[A-Za-z]{1,4}|-[A-Z]\w+)(?:-[\w]+)*(?![\w.])")
_NO_MODEL = re.compile(
    r"^(?:V\d|R\d|B\d|P\d|IPV\d|RFC|SNMPV|X86|I[3-6]86|ARMV|AMD64|SMP|MIPS|UTC|GMT|CST|HTTP|RS-?\d|SHA|MD5|"
    r"L2$|L3$|L4$|E1$|T1$|H\.26|H323|USB|WIN32|RELEASE|VERSION|BUILD|REV|VER|SW|FW|HW|MB|PF|PN|AF\d|AN\d|"
    r"SN\d{5}|HR|MD|\d+[MGK]?(?:bps|bit|hz|base|byte|port))",
    re.IGNORECASE,
)
_HOSTS = re.compile(r"^(?:Linux|FreeBSD|NetBSD|OpenBSD|SunOS|Darwin|Windows|Hardware:)")
_SHORT = 40
_END_OF_NAME = re.compile(
    r"[,;(\[\n]|\s-\s|\s+[vV]?\d+\.\d|\s*\b(?:hw|sw|fw|version|ver|release|revision|rev|copyright|compiled|build|firmware|"
    r"software|series)\b",
    re.IGNORECASE,
)
# What stands around a model and is none of it.
_GENERIC = re.compile(
    r"^(?:(?:fast|gigabit|ethernet|managed|smart|layer|stackable|l[234]|switch|switches|router|gateway|firewall|"
    r"appliance|wireless|wifi|access|point|ap|cloud|adapter|modem|device|system|snmp|supervisor|agent|printer|"
    r"media|laser|colou?r|mono|mfp|network|networks|inc\.?|ltd\.?|corporation|electronics|poe|model|the|"
    r"industrial|\w+OS)|\d+[- ]?ports?|10+(?:/10+)+\w*)$",
    re.IGNORECASE,
)
_PROSE = re.compile(r"\b(?:for|the|by|with|from|running|agent|operating|platform|processor)\b", re.IGNORECASE)
_MOST_WORDS = 4
# A model that needs no other word: letters and two digits at least; and words of a model's variant.
_FULL = re.compile(r"(?=\D*\d\D*\d)(?=[^A-Za-z]*[A-Za-z])[\w/+-]{4,}$")
_TRIM = re.compile(r"(?:plus|pro|lite|mini|max|ultra|lr|xl|hd|dc|ac|ei|si|li|hi)$", re.IGNORECASE)
_COMPANY = r"(?:Inc\.?|Ltd\.?|Networks|Systems|Technology|Technologies)"
_ALIASES = {"HPE": ("Hewlett-Packard", "Hewlett Packard", "HP"), "Nokia": ("Alcatel-Lucent", "Alcatel")}


def version(description: str) -> str | None:
    """Return the version a sysDescr names, without a v before it; of a host's description the kernel's."""
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
    text = _SERIAL.sub("", description).strip()
    named = _NAMED_MODEL.search(text)
    if named and any(map(str.isalnum, named.group(1))):
        return named.group(1).strip()
    if _HOSTS.match(text):
        return None
    short = _name_at_head(text, vendor)
    if short:
        return short
    head = re.split(r"\b(?:Version|Ver|Copyright|Compiled|Build)\b", text, maxsplit=1, flags=re.IGNORECASE)[0]
    for pattern in (_TOKEN, _NUMBER_FIRST):
        for hit in pattern.finditer(head):
            token = hit.group(0).rstrip("-+/")
            if 3 <= len(token) <= 30 and not _NO_MODEL.match(token):
                return token
    return _short_text(description.strip(), vendor)


def _name_at_head(text: str, vendor: str | None) -> str | None:
    """Return the few words at the head that name the device ("Lynx L110-F2G"), without the maker's."""
    text = _without_maker(text, vendor)
    end = _END_OF_NAME.search(text)
    head = text[: end.start()] if end else text
    words = head.split()
    if _PROSE.search(head):
        return None
    while words and _GENERIC.match(words[-1]):
        words.pop()
    while words and _GENERIC.match(words[0]):
        words.pop(0)
    found = " ".join(_model_words(words, vendor)).rstrip(":.-+/")
    if not 1 <= len(words) <= _MOST_WORDS or not 3 <= len(found) <= _SHORT or found == vendor:
        return None
    is_model = re.search(r"[A-Za-z][\w.+/-]*\d|\d[\w.+/-]*[A-Za-z]|[A-Za-z]\S* \d{2,}|^\d{3,5}$", found)
    return found if is_model and not _NO_MODEL.match(found) else None


def _model_words(words: list[str], vendor: str | None) -> list[str]:
    """Return the words without a company's name before, and without a kind of device behind, a full model.

    One word before the model of a known maker is the line of products, of an unknown one the maker.
    """
    full = next((place for place, word in enumerate(words) if _FULL.match(word)), None)
    if full is None or any(letter.isdigit() for word in words[full + 1 :] for letter in word):
        return words
    end = full + 1
    while end < len(words) and _TRIM.match(words[end]):
        end += 1
    is_company = full > (1 if vendor else 0) and not any(
        letter.isdigit() for word in words[:full] for letter in word
    )
    return words[full if is_company else 0 : end]


def _without_maker(text: str, vendor: str | None) -> str:
    """Return a description without the maker's name before it."""
    names = [vendor, *_ALIASES.get(vendor, ()), vendor.split()[0]] if vendor else []
    for name in sorted(names, key=len, reverse=True):
        hit = re.match(rf"{re.escape(name)}(?:[\s/,.:-]+{_COMPANY}?)+", text, re.IGNORECASE)
        if hit and hit.end() < len(text):
            return text[hit.end() :].lstrip(" ,.-:")
    return text


def _short_text(text: str, vendor: str | None) -> str | None:
    """Return a short description with a number in it as it is, without the maker's name before it."""
    if len(text) > _SHORT or "\n" in text or not any(letter.isdigit() for letter in text):
        return None
    if re.search(r"\d+\.\d+\.\d+", text) or re.fullmatch(r"[\d.\s:/-]+", text):
        return None
    left = _without_maker(text, vendor)
    return None if left == vendor else left or None


def _tidy(found: str) -> str:
    """Return a version without the v before it, and the bracket or comma that the sentence had behind it."""
    found = re.sub(r"^[vV][._]?(?=\d+\.)", "", found.strip()).rstrip(",;.-")
    while found.endswith(")") and found.count("(") < found.count(")"):
        found = found[:-1]
    return found
