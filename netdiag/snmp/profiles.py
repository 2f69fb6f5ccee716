"""Vendors' profiles: load the folder, and choose the one that knows a device most exactly."""

import dataclasses
import functools
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netdiag.snmp import profile_format
from netdiag.snmp.profile_format import Match, Profile
from netdiag.snmp.toml_reader import RELATIVE, BadProfile

FOLDER = Path(__file__).with_name("profiles")
STANDARD = Path(__file__).with_name("standard.toml")
_NOT_PROFILES = frozenset({"enterprises.toml"})
_MOST_ANCESTORS = 8
# A regular expression or a probe that holds is worth as much as this many numbers of an object identifier.
_CONDITION_WORTH = 5

Probe = Callable[[str], bool]


def load_file(path: Path) -> Profile:
    """Read one file, without what it extends; raises BadProfile, OSError."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise BadProfile(f"{path.name}: is no TOML: {fault}") from None
    return profile_format.parse(path.name, found)


def load_folder(folder: Path) -> list[Profile]:
    """Read every profile of a folder, each completed by what it extends; raises BadProfile."""
    files = sorted(path for path in folder.glob("*.toml") if path.name not in _NOT_PROFILES)
    plain = {path.stem: load_file(path) for path in files}
    return [_complete(profile, plain) for profile in plain.values()]


def load_beside(path: Path) -> list[Profile]:
    """Return one more profile, completed by the shipped ones it may extend; raises BadProfile, OSError."""
    plain = {one.stem: load_file(one) for one in FOLDER.glob("*.toml") if one.name not in _NOT_PROFILES}
    return [_complete(load_file(path), plain)]


@functools.cache
def shipped() -> tuple[Profile, ...]:
    """Return the profiles that come with this library; read once."""
    return tuple(load_folder(FOLDER))


@functools.cache
def standard() -> Profile:
    """Return what every device may have, whoever made it; read once."""
    return load_file(STANDARD)


def _complete(profile: Profile, others: dict[str, Profile]) -> Profile:
    """Take over what the file does not say itself, field by field and section by section."""
    seen = 0
    while profile.extends is not None:
        parent = others.get(profile.extends)
        seen += 1
        if parent is None or seen > _MOST_ANCESTORS:
            raise BadProfile(f"{profile.file}.extends: there is no profile {profile.extends!r}, or a circle")
        profile = dataclasses.replace(
            profile,
            vendor=profile.vendor or parent.vendor,
            family=profile.family or parent.family,
            extends=parent.extends,
            identity={**parent.identity, **profile.identity},
            sections={**parent.sections, **profile.sections},
            port_name=profile.port_name or parent.port_name,
            vlan_contexts=profile.vlan_contexts or parent.vlan_contexts,
            vlan_tags=profile.vlan_tags or parent.vlan_tags,
            bridge_ports=profile.bridge_ports or parent.bridge_ports,
            bridge_port_names=profile.bridge_port_names or parent.bridge_port_names,
            entity_sensors=profile.entity_sensors or parent.entity_sensors,
        )
    return profile


def choose(
    object_id: str | None,
    description: str | None,
    name: str | None,
    probe: Probe,
    profiles: Sequence[Profile] | None = None,
) -> Profile | None:
    """Return the profile that matches most exactly, or None.

    Exactness is the length of the object identifier's prefix, plus five for each kind of regular expression
    and for a probe, plus the match's rank. `probe` is asked only about profiles that would win otherwise.
    """
    candidates = [
        (score, position, match, profile)
        for position, profile in enumerate(shipped() if profiles is None else profiles)
        for match in profile.matches
        if (score := exactness(match, object_id or "", description or "", name or "")) is not None
    ]
    for _, _, match, profile in sorted(candidates, key=lambda one: (-one[0], one[1])):
        if all(probe(absolute(oid, object_id or "")) for oid in match.probes):
            return resolved(profile, object_id or "")
    return None


def exactness(match: Match, object_id: str, description: str, name: str) -> int | None:
    """Return how exactly a match knows a device, probes taken for granted; None if it does not."""
    score = match.rank + _CONDITION_WORTH * bool(match.probes)
    if match.object_ids:
        lengths = [prefix.count(".") + 1 for prefix in match.object_ids if is_under(object_id, prefix)]
        if not lengths:
            return None
        score += max(lengths)
    for patterns, text in ((match.descriptions, description), (match.names, name)):
        if patterns:
            if not any(pattern.search(text) for pattern in patterns):
                return None
            score += _CONDITION_WORTH
    return score


def absolute(oid: str, object_id: str) -> str:
    """Return an OID with `{object_id}` or `{object_id:10}` at its head made the device's own numbers."""
    hit = RELATIVE.match(oid)
    if hit is None:
        return oid
    parts = object_id.split(".")
    return ".".join(parts[: int(hit.group(1))] if hit.group(1) else parts) + oid[hit.end() :]


def resolved(profile: Profile, object_id: str) -> Profile:
    """Return the profile with every OID that depends on the sysObjectID made absolute."""

    def of(value: Any) -> Any:
        if isinstance(value, str):
            return absolute(value, object_id)
        if isinstance(value, tuple):
            return tuple(of(one) for one in value)
        if isinstance(value, Mapping):
            return {key: of(one) for key, one in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.replace(
                value, **{field.name: of(getattr(value, field.name)) for field in dataclasses.fields(value)}
            )
        return value

    return dataclasses.replace(profile, identity=of(profile.identity), sections=of(profile.sections))


def is_under(oid: str, prefix: str) -> bool:
    """Tell whether an OID is this one or stands beneath it."""
    return oid == prefix or oid.startswith(prefix + ".")
