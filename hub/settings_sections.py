"""The sections of the settings, each with its defaults; `settings.py` puts them together."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from ticket_store.schedule import DEFAULT_LAST_TIMES, DEFAULT_WAITS

# the commented example says "nothing" so: TOML has no null
Nothing = BeforeValidator(lambda told: None if told == "" else told)
OptionalFile = Annotated[Path | None, Nothing]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clocks(Section):
    """Limits and warnings."""

    tick_seconds: float = Field(default=5.0, gt=0, description="how often due clocks are looked up")
    warn_share: float = Field(
        default=0.8, gt=0, lt=1, description="share of a limit after which it warns"
    )
    opens: time = Field(default=time(9), description="opening of a working day")
    closes: time = Field(default=time(17), description="closing of a working day")
    limits_file: OptionalFile = Field(
        default=None, description="limit rules (JSON) in place of the built-in"
    )


class Lifecycle(Section):
    """The numbers that decisions depend on."""

    extensions_allowed: int = Field(
        default=1, ge=0, description="granted extensions a ticket may have"
    )
    send_backs_before_ruling: int = Field(
        default=1, ge=0, description="granted send-backs before the next one needs a final ruling"
    )


class Dispatch(Section):
    """Which department: the city's own catalogue and rules."""

    catalogue: OptionalFile = Field(
        default=None, description="departments.toml in place of the built-in"
    )
    areas: OptionalFile = Field(
        default=None, description="areas.toml, the city and its area codes, likewise"
    )
    rules: OptionalFile = Field(
        default=None,
        description="hard rules (TOML); the built-in ones go with the built-in catalogue",
    )


class Streams(Section):
    """The processors and their sweeps."""

    sweep_seconds: float = Field(
        default=5.0, gt=0, description="how often what has no outcome is looked up"
    )
    reoffer_seconds: float = Field(
        default=30.0, gt=0, description="age after which it is offered again"
    )
    stalled_seconds: float = Field(
        default=120.0, gt=0, description="readiness goes red after this age"
    )


class Deliveries(Section):
    """Pushing state back to the peers."""

    waits_seconds: tuple[float, ...] = Field(
        default=DEFAULT_WAITS,
        min_length=1,
        description="waits after each failed try; then it is dead",
    )
    last_wait_times: int = Field(
        default=DEFAULT_LAST_TIMES, ge=1, description="how often the last of them is waited"
    )
    per_peer: int = Field(default=4, ge=1, description="deliveries under way to one peer")
    breaker_failures: int = Field(
        default=5, ge=1, description="failures in a row after which a peer is left alone"
    )
    breaker_seconds: float = Field(
        default=5.0, gt=0, description="rest before it is probed; doubles up to the longest"
    )
    breaker_longest_seconds: float = Field(default=60.0, gt=0, description="the longest rest")


class Kafka(Section):
    """How a kafka:// broker is reached; unused with the embedded one."""

    tls: bool = Field(default=False, description="whether connections to the brokers are encrypted")
    ca_file: OptionalFile = Field(
        default=None, description="who vouches for the brokers; default: the system's authorities"
    )
    cert_file: OptionalFile = Field(
        default=None, description="our certificate, where brokers ask for it"
    )
    key_file: OptionalFile = Field(default=None, description="its key")
    user: Annotated[str | None, Nothing] = Field(
        default=None, description="signs in by SASL when given"
    )
    password: SecretStr = Field(default=SecretStr(""), description="of that user")
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="how the user signs in"
    )
    replicas: int = Field(
        default=1, ge=1, le=7, description="copies of each topic that `sutong migrate` makes"
    )


class SignIn(Section):
    """People and sessions."""

    idle_minutes: int = Field(
        default=30, ge=1, description="signed out after so long without a click"
    )
    longest_hours: int = Field(default=12, ge=1, description="signed out after so long in any case")
    failures: int = Field(
        default=5, ge=1, description="wrong passwords in a row that lock a user out"
    )
    lock_minutes: int = Field(default=15, ge=1, description="how long a lock-out lasts")
    password_days: int = Field(
        default=90, ge=1, description="age after which a password must be changed"
    )


class Limits(Section):
    """Rates of one address, for loopback only if `loopback` is set; size and age of uploads."""

    portal_per_minute: int = Field(
        default=60, ge=1, description="calls to the portal API in a minute"
    )
    sign_in_per_minute: int = Field(default=20, ge=1, description="sign-in attempts in a minute")
    loopback: bool = Field(default=False, description="whether loopback addresses are limited too")
    upload_bytes: int = Field(default=10_000_000, ge=1, description="largest attachment")
    uploads_per_hour: int = Field(
        default=120, ge=1, description="files uploaded in an hour for matters to come"
    )
    upload_bytes_per_hour: int = Field(
        default=400_000_000, ge=1, description="bytes of these files in an hour"
    )
    unattached_hours: float = Field(
        default=24.0,
        gt=0,
        description="how long an upload waits for its matter, then it is forgotten",
    )


class Retention(Section):
    """How long a store keeps what `sutong archive` may take out of it."""

    keep_months: int = Field(
        default=24, ge=6, description="whole months that stay; logs by law for six at least"
    )
