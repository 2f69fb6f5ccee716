"""Which device this is: vendor, family, model, version, serial; by its profile, else by what is standard."""

import dataclasses
import functools
import tomllib
from collections.abc import Callable, Iterable

from netdiag.results import System
from netdiag.snmp import conversions, guesses, profiles, sections, values
from netdiag.snmp.device import Device
from netdiag.snmp.entity import Inventory
from netdiag.snmp.profile_format import IDENTITY, Profile, Source

_ENTERPRISES = "1.3.6.1.4.1."
_HEAD_ROWS = 200
# UPS-MIB (RFC 1628) and Printer-MIB (RFC 3805) name their device in scalars of their own.
_UPS_VENDOR, _UPS_MODEL, _UPS_VERSION = (f"1.3.6.1.2.1.33.1.1.{number}.0" for number in (1, 2, 3))
_PRINTER_SERIAL = "1.3.6.1.2.1.43.5.1.1.17.1"
# RMON2-MIB (RFC 4502), probeSoftwareRev and probeHardwareRev: many switches have them and no ENTITY-MIB.
_PROBE_SOFTWARE, _PROBE_HARDWARE = "1.3.6.1.2.1.16.19.2.0", "1.3.6.1.2.1.16.19.3.0"
_STANDARD_SCALARS = {
    "model": (_UPS_MODEL,),
    "version": (_UPS_VERSION, _PROBE_SOFTWARE),
    "serial": (_PRINTER_SERIAL,),
    "hardware": (_PROBE_HARDWARE,),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """What a device is; None where it does not say."""

    vendor: str | None = None
    family: str | None = None
    model: str | None = None
    version: str | None = None
    serial: str | None = None
    hardware: str | None = None


def identify(device: Device, about: System, profile: Profile | None) -> Identity:
    """Return what the device is; a source that fails is a warning, and the next one is taken."""
    parts = Inventory(device)
    asked = _scalars(profile.identity.values() if profile else ())
    with device.part("identity"):
        device.get(*asked)
    vendor = _maker(device, about, parts, profile) if profile else _vendor(device, about, parts)
    found: dict[str, str | None] = {}
    for field in IDENTITY:
        sources = profile.identity.get(field, ()) if profile else ()
        questions = [functools.partial(ask, source, device, about, parts) for source in sources]
        standard = _standard(field, device, parts)
        if not sources:
            standard = _with_guesses(field, standard, parts, about.description or "", vendor)
        found[field] = _first(device, field, [*questions, *standard])
    return Identity(vendor, profile.family if profile else None, **found)


def _maker(device: Device, about: System, parts: Inventory, profile: Profile) -> str | None:
    """Return whom the device names as its maker, if its profile knows where; else the profile's vendor."""
    sources = profile.identity.get("maker", ())
    named = [functools.partial(ask, source, device, about, parts) for source in sources]
    return _first(device, "vendor", named) or profile.vendor


def _scalars(all_sources: Iterable[Iterable[Source]]) -> list[str]:
    return [oid for sources in all_sources for source in sources if source.read for oid in source.read.oids]


Question = Callable[[], str | None]


def _first(device: Device, field: str, questions: Iterable[Question]) -> str | None:
    for question in questions:
        with device.part(field):
            found = question()
            if found:
                return found
    return None


def ask(source: Source, device: Device, about: System, parts: Inventory) -> str | None:
    """Return what one source gives, or None. Raises SnmpFailed."""
    found: str | None
    if source.read is not None:
        return _text(_read(device, source))
    if source.description is not None:
        found = conversions.group(source.description, about.description or "")
    elif source.name is not None:
        found = conversions.group(source.name, about.name or "")
    elif source.table is not None:
        found = _longest(source.table, about.object_id or "")
    elif source.entity is not None:
        found = parts.of_chassis(source.entity)
    else:
        found = source.text
    return _text(conversions.finish_text(source, found))


def _read(device: Device, source: Source) -> object:
    assert source.read is not None
    if source.read.oids:
        return sections.scalar(device, source.read)
    assert source.read.column is not None
    column = device.head(source.read.column, _HEAD_ROWS)
    return next(iter(sections.converted(device, source.read, column).values()), None)


def _text(value: object) -> str | None:
    return None if value is None else conversions.meaningful(str(value))


def _longest(table: object, object_id: str) -> str | None:
    assert isinstance(table, dict)
    hits = [prefix for prefix in table if profiles.is_under(object_id, prefix.lstrip("."))]
    return str(table[max(hits, key=len)]) if hits else None


def _standard(field: str, device: Device, parts: Inventory) -> list[Question]:
    """Return the standard ways to a field."""
    questions: list[Question] = [lambda: parts.of_chassis(field)]
    if field == "version":
        questions.append(lambda: parts.of_modules("version"))
    if field in _STANDARD_SCALARS:
        questions.append(lambda: _scalar_text(device, _STANDARD_SCALARS[field]))
    return questions


def _with_guesses(
    field: str, standard: list[Question], parts: Inventory, description: str, vendor: str | None
) -> list[Question]:
    """Return the standard ways and guesses, the surer ones first: no profile knows this device."""
    if field == "model":
        guess = guesses.model
        return [
            standard[0],
            lambda: guess(description, vendor),
            *standard[1:],
            lambda: parts.of_chassis("name"),
        ]
    if field == "version":
        return [lambda: guesses.version(description), *standard, lambda: parts.of_chassis("firmware")]
    if field == "serial":
        return [*standard, lambda: guesses.serial(description)]
    return standard


def _scalar_text(device: Device, oids: Iterable[str]) -> str | None:
    found = device.get(*oids)
    texts = (conversions.meaningful(values.text(value)) for value in found.values())
    return next((text for text in texts if text), None)


@functools.cache
def enterprises() -> dict[str, str]:
    """Return IANA's enterprise number -> the maker's short name, of those that providers meet."""
    path = profiles.FOLDER / "enterprises.toml"
    return dict(tomllib.loads(path.read_text(encoding="utf-8"))["enterprises"])


def _vendor(device: Device, about: System, parts: Inventory) -> str | None:
    """Return the maker: who the description begins with, else whose number it is, else what parts say.

    A maker who sells another's gear under his name leaves the other's object identifier in it.
    """
    object_id = about.object_id or ""
    number = object_id.removeprefix(_ENTERPRISES).split(".")[0]
    return _first(
        device,
        "vendor",
        [
            lambda: _named(about.description or ""),
            lambda: enterprises().get(number) if object_id.startswith(_ENTERPRISES) else None,
            lambda: parts.of_chassis("vendor"),
            lambda: _scalar_text(device, (_UPS_VENDOR,)),
        ],
    )


def _named(description: str) -> str | None:
    """Return the maker whose name stands at the head of a description."""
    head = description.lower()
    hits = [name for name in enterprises().values() if head.startswith(name.lower() + " ")]
    return max(hits, key=len) if hits else None
