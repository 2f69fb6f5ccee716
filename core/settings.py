"""Every setting: TOML and environment in, one frozen, strict, typed object out.

The file is `config.toml` (or what LINECARD_CONFIG names). An environment variable beats the file:
LINECARD_WEB__PORT sets [web] port. A secret may be written as `file:/path` or `env:NAME`.
Nothing else in the product reads a file or the environment for its settings.
"""

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from core import errors, money, setting_checks

PREFIX = "LINECARD_"
DEFAULT_PATH = Path("config.toml")


class SettingsError(Exception):
    """The settings cannot be used; the message lists every fault with its path."""


def _read_secret(value: object) -> object:
    """Follow `file:` and `env:` so that a secret need not stand in the file."""
    if not isinstance(value, str):
        return value
    if value.startswith("file:"):
        try:
            return Path(value[5:]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"cannot read {value[5:]}: {error.strerror}") from error
    if value.startswith("env:"):
        if value[4:] not in os.environ:
            raise ValueError(f"the environment variable {value[4:]} is not set")
        return os.environ[value[4:]]
    return value


Secret = Annotated[SecretStr, BeforeValidator(_read_secret)]
# A sum as people write it, 12.50, in isp.currency: Settings.minor reads it.
Sum = Annotated[Decimal, Field(ge=0, le=10**9)]


class Section(BaseModel):
    """A table of the file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Isp(Section):
    """The company: its name, language, money and time."""

    name: str = Field(default="Demo ISP", min_length=1)
    locale: Annotated[str, AfterValidator(setting_checks.locale)] = "en"
    time_zone: Annotated[str, AfterValidator(setting_checks.time_zone)] = "Europe/Kyiv"
    currency: Annotated[str, AfterValidator(setting_checks.currency)] = "EUR"
    phone_region: str = Field(default="UA", pattern=r"^[A-Z]{2}$")


class Web(Section):
    """The web server."""

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=1, le=65535)
    secret_key: Secret = Field(min_length=32)
    workers: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=256, ge=8, le=4096)
    at_once: int = Field(default=2, ge=1, le=256)
    is_https: bool = False
    trusted_proxies: int = Field(default=0, ge=0, le=8)
    session_hours: int = Field(default=12, ge=1, le=720)
    sign_in_limit: str = "10 per minute"
    public_url: Annotated[str, AfterValidator(setting_checks.public_url)] = ""


class Data(Section):
    """Where things are kept. An empty URL means: `linecard up` runs its own server on a private socket."""

    folder: Path = Path("var")
    database_url: Annotated[SecretStr | None, BeforeValidator(_read_secret)] = None
    queue_url: Annotated[SecretStr | None, BeforeValidator(_read_secret)] = None
    pool_size: int = Field(default=8, ge=1, le=200)
    upload_limit_mb: int = Field(default=10, ge=1, le=1024)


class Secrets(Section):
    """Keys that encrypt device passwords at rest: the first encrypts, all of them decrypt."""

    keys: tuple[Secret, ...] = ()


class Diagnostics(Section):
    """Bounds of what staff may send towards customers."""

    default_pop: str = Field(default="core", pattern=r"^[a-z0-9-]{1,32}$")
    pop: str = Field(default="core", pattern=r"^[a-z0-9-]{1,32}$")
    probe_threads: int = Field(default=48, ge=4, le=512)
    open_runs_limit: int = Field(default=40, ge=1, le=10_000)
    open_runs_per_person: int = Field(default=8, ge=1, le=100)
    ping_count: int = Field(default=20, ge=1, le=3600)
    ping_count_limit: int = Field(default=600, ge=1, le=3600)
    ping_interval_s: float = Field(default=1.0, ge=0.2, le=60)
    run_minutes_limit: int = Field(default=15, ge=1, le=120)
    job_expires_s: int = Field(default=30, ge=5, le=600)
    unwatched_s: int = Field(default=15, ge=5, le=600)
    status_stale_minutes: int = Field(default=15, ge=1, le=10_080)
    snmp_timeout_s: float = Field(default=1.5, ge=0.2, le=30)
    snmp_retries: int = Field(default=1, ge=0, le=5)


class Pops(Section):
    """Boxes in POPs: where they reach the core, and how long a job waits for one of them."""

    address: str = Field(default="", pattern=r"^(.+:\d{1,5})?$")
    listen: str = Field(default="0.0.0.0:6380", pattern=r"^.+:\d{1,5}$")
    authority_file: Path | None = None
    taken_s: int = Field(default=10, ge=2, le=120)
    invitation_minutes: int = Field(default=60, ge=5, le=1440)
    hello_s: int = Field(default=10, ge=1, le=120)
    connections: int = Field(default=1024, ge=1, le=20_000)
    connections_per_address: int = Field(default=256, ge=1, le=20_000)
    strangers: int = Field(default=256, ge=1, le=20_000)


class Watch(Section):
    """What is swept and polled all the time, how often, and how long what was found is kept."""

    is_on: bool = True
    device_interval_s: int = Field(default=60, ge=10, le=86_400)
    customer_interval_s: int = Field(default=300, ge=10, le=86_400)
    counter_interval_s: int = Field(default=300, ge=30, le=86_400)
    silent_rounds: int = Field(default=3, ge=1, le=100)
    probes: int = Field(default=1, ge=1, le=15)
    timeout_s: float = Field(default=1.0, ge=0.1, le=10)
    packets_per_second: int = Field(default=2000, ge=10, le=100_000)
    poll_at_once: int = Field(default=100, ge=1, le=2000)
    minute_days: int = Field(default=14, ge=2, le=400)
    hour_days: int = Field(default=400, ge=31, le=4000)


class Billing(Section):
    """Defaults of the money rules; an account may have its own."""

    payment_days: int = Field(default=14, ge=0, le=365)
    documents: Literal["invoice", "proforma", "none"] = "invoice"
    receipts: Literal["by_hand", "always"] = "by_hand"
    overdue_note_days: int = Field(default=0, ge=0, le=365)


class InterestRate(Section):
    """What is paid late bears so many percent a year from that day on."""

    from_on: date
    percent: float = Field(ge=0, le=100)


class Cutoff(Section):
    """When a debtor is cut, and when the plan stops to ask."""

    grace_days: int = Field(default=3, ge=0, le=365)
    minimum_debt: Sum = Decimal(1)
    brake_share_percent: float = Field(default=10.0, gt=0, le=100)
    brake_minimum: int = Field(default=5, ge=0)
    promise_days_limit: int = Field(default=14, ge=1, le=365)
    promise_broken_limit: int = Field(default=3, ge=1, le=100)
    promise_sum_limit: Sum = Decimal(0)
    promise_needs_payment: bool = True
    instalments_limit: int = Field(default=12, ge=2, le=60)
    late_fee: Sum = Decimal(0)
    late_fee_percent: float = Field(default=0.0, ge=0, le=100)
    late_fee_days: int = Field(default=10, ge=1, le=365)
    late_fee_minimum: Sum = Decimal(10)
    interest_rates: tuple[InterestRate, ...] = ()
    interest_minimum: Sum = Decimal(1)
    skip_weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = ()
    night_hour: int = Field(default=3, ge=0, le=23)
    is_automatic: bool = True
    approval: Literal["none", "whole", "each"] = "none"
    reconnect: Literal["minimum", "zero"] = "minimum"
    lease_s: int = Field(default=60, ge=10, le=3600)
    retry_first_s: int = Field(default=5, ge=1, le=3600)
    retry_limit_s: int = Field(default=900, ge=1, le=86_400)
    gate_pause_limit_s: int = Field(default=60, ge=1, le=3600)


class Gates(Section):
    """What the gates of this worker may do that no page may ask: its operator's word."""

    nft_programs: tuple[str, ...] = ()


class Mail(Section):
    """How letters leave the house; "console" writes them to the log and nowhere else."""

    backend: Literal["console", "smtp"] = "console"
    host: str = "127.0.0.1"
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: Annotated[SecretStr | None, BeforeValidator(_read_secret)] = None
    sender: str = Field(default="billing@localhost", pattern=r"^.+@[^@\s>]+>?$")
    timeout_s: float = Field(default=20.0, ge=1, le=120)

    @property
    def domain(self) -> str:
        """The part of the sender's address behind the @."""
        return self.sender.rpartition("@")[2].rstrip(">")


class Geocoding(Section):
    """A Nominatim-compatible server; off while `url` is empty."""

    url: str = Field(default="", pattern=r"^(https?://.+)?$")
    contact: str = ""
    user_agent: str = "linecard"
    requests_per_second: float = Field(default=1.0, gt=0, le=1000)
    per_run: int = Field(default=50, ge=1, le=10_000)
    timeout_s: float = Field(default=5.0, ge=0.5, le=60)
    retry_days: int = Field(default=7, ge=0, le=365)
    countries: tuple[str, ...] = ()


class Map(Section):
    """The coverage map; without a tile URL it draws its own background."""

    tile_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    attribution: str = ""
    latitude: float = Field(default=49.84, ge=-90, le=90)
    longitude: float = Field(default=24.03, ge=-180, le=180)
    zoom: int = Field(default=13, ge=1, le=19)


class Garden(Section):
    """The page that customers who are cut or warned are led to; `url` is where their browsers find it."""

    is_on: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8766, ge=1, le=65535)
    url: Annotated[str, AfterValidator(setting_checks.public_url)] = ""
    trusted_proxies: int = Field(default=0, ge=0, le=8)
    threads: int = Field(default=16, ge=2, le=256)
    view_limit: str = "60 per minute"
    act_limit: str = "6 per 15 minutes; 30 per day"
    is_promise_on: bool = True
    promise_days_limit: int = Field(default=5, ge=1, le=365)
    promise_check: Literal["phone", "none"] = "phone"
    payment_url: Annotated[str, AfterValidator(setting_checks.payment_url)] = ""

    @property
    def address(self) -> str:
        """Where browsers find it, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url or f"http://{host}:{self.port}"


class Logs(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    is_json: bool = False


class Settings(Section):
    """All of it."""

    isp: Isp = Isp()
    web: Web
    data: Data = Data()
    secrets: Secrets = Secrets()
    diagnostics: Diagnostics = Diagnostics()
    pops: Pops = Pops()
    gates: Gates = Gates()
    watch: Watch = Watch()
    billing: Billing = Billing()
    cutoff: Cutoff = Cutoff()
    mail: Mail = Mail()
    geocoding: Geocoding = Geocoding()
    map: Map = Map()
    garden: Garden = Garden()
    logs: Logs = Logs()

    def minor(self, value: Decimal) -> int:
        """Return a sum of the file in minor units of isp.currency; raises Invalid on too many decimals."""
        return money.from_decimal(value, self.isp.currency).minor

    @model_validator(mode="after")
    def _sums_fit(self) -> Self:
        faults = []
        for name, value in self.cutoff:
            try:
                if isinstance(value, Decimal):
                    self.minor(value)
            except errors.Invalid as error:
                faults.append(f"cutoff.{name}: {error.fields['amount']}")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def path_of_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the settings file is looked for: LINECARD_CONFIG, else config.toml in this folder."""
    return Path((os.environ if environ is None else environ).get(f"{PREFIX}CONFIG", str(DEFAULT_PATH)))


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises SettingsError naming every fault with its path."""
    environ = os.environ if environ is None else environ
    path = path or path_of_file(environ)
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such file; `linecard init` writes one with fresh keys") from error
    except PermissionError as error:
        raise SettingsError(f"{path}: not readable by this user (uid {os.getuid()})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    faults = _overlay(tables, environ)
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        faults += [_fault(entry) for entry in error.errors(include_url=False, include_input=False)]
    if faults:
        raise SettingsError(f"{path}: {len(faults)} fault(s)\n" + "\n".join(f"  {fault}" for fault in faults))
    return settings


def _fault(entry: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in entry["loc"])
    what = {
        "extra_forbidden": "there is no such setting",
        "missing": "must be set",
    }.get(entry["type"], str(entry["msg"]).removeprefix("Value error, "))
    if entry["type"] == "extra_forbidden" and where.endswith("_minor"):
        what = f"is {where.removesuffix('_minor')} now, written as money, such as 12.50"
    return f"{where}: {what}" if where else what


def _overlay(tables: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Put LINECARD_SECTION__KEY over the file's tables; return the faults of names that fit nothing."""
    faults = []
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        section, _, key = name[len(PREFIX) :].lower().partition("__")
        field = Settings.model_fields.get(section)
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, Section)) or key not in model.model_fields:
            faults.append(f"{name}: there is no such setting")
            continue
        table = tables.setdefault(section, {})
        try:
            if isinstance(table, dict):
                table[key] = _parse(text, model.model_fields[key].annotation)
        except tomllib.TOMLDecodeError as error:
            faults.append(f"{name}: not a list: {error}")
    return faults


def _parse(text: str, annotation: object) -> object:
    """Read an environment value: a tuple as a TOML or comma list, all else as pydantic reads text."""
    if "tuple" not in str(annotation):
        return text
    if text.startswith("["):
        return tomllib.loads(f"value = {text}")["value"]
    return [part.strip() for part in text.split(",") if part.strip()]
