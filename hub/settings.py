"""Settings: SUTONG_* variables over sutong.toml over these defaults. Unknown keys are refused."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from hub.settings_problems import PREFIX, unknown_variables, unread_values, wrong_value
from hub.settings_sections import (
    Clocks,
    Deliveries,
    Dispatch,
    Kafka,
    Lifecycle,
    Limits,
    Nothing,
    Retention,
    SignIn,
    Streams,
)
from hub.urls import url_problems
from schemas.errors import HubError


class SettingsWrong(HubError):
    """The settings cannot be used. Each problem names its key and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """One hub's settings."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Field(default=Path("var"), description="folder of store, models, uploads, keys")
    broker_url: str = Field(
        default="",
        description="sqlite:///path of the embedded broker, default below home; "
        "or kafka://host:port, several with ; between",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="sqlite+aiosqlite:///path or postgresql+asyncpg://...; default below home",
    )
    host: str = Field(default="127.0.0.1", description="address the web process listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="port the web process listens on")
    health_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="port of /health and /metrics of a `sutong worker`; 0: they are not served",
    )
    node: Annotated[int | None, Nothing] = Field(
        default=None,
        ge=0,
        le=31,
        description="number of this process, in its ticket ids; "
        "default: the first that no living process holds",
    )
    public_url: Annotated[str | None, Nothing] = Field(
        default=None, description="https://... as browsers see it"
    )
    hub_name: str = Field(
        default="市民诉求协同中心",
        description="name of the city's centre, beside 诉通 on the pages",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="what is logged: this and graver"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, JSON elsewhere"
    )
    clocks: Clocks = Clocks()
    lifecycle: Lifecycle = Lifecycle()
    dispatch: Dispatch = Dispatch()
    streams: Streams = Streams()
    deliveries: Deliveries = Deliveries()
    kafka: Kafka = Kafka()
    sign_in: SignIn = SignIn()
    limits: Limits = Limits()
    retention: Retention = Retention()
    peers: Annotated[
        dict[str, dict[str, Any]],
        Field(description="[peers.<name>] dialect = ..., and what the dialect asks for"),
    ] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, config_file_path())
        return init_settings, env_settings, file

    @property
    def broker(self) -> str:
        return self.broker_url or f"sqlite:///{self.home.absolute()}/broker.db"

    @property
    def database(self) -> str:
        own = f"sqlite+aiosqlite:///{self.home.absolute()}/tickets.db"
        return self.database_url.get_secret_value() or own


def config_file_path() -> Path:
    """$SUTONG_CONFIG, else sutong.toml in $SUTONG_HOME, else in the current folder."""
    if named := os.environ.get("SUTONG_CONFIG"):
        return Path(named)
    in_home = Path(os.environ.get("SUTONG_HOME", "var")) / "sutong.toml"
    return in_home if in_home.is_file() else Path("sutong.toml")


def load(**given: Any) -> Settings:
    """Read the settings; `given` wins over everything.

    Raises: SettingsWrong with every problem, not only the first.
    """
    problems = list(unknown_variables(Settings, os.environ))
    named = os.environ.get("SUTONG_CONFIG")
    if named and not Path(named).is_file():
        problems.append(f"SUTONG_CONFIG: no such file {named}")
    try:
        settings = Settings(**given)
        problems += url_problems(settings.database, settings.broker)
    except ValidationError as error:
        problems += [
            wrong_value(problem, os.environ, config_file_path())
            for problem in error.errors(include_input=False)
        ]
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{config_file_path()}: {error}; mend the file")
    except UnicodeDecodeError as error:
        problems.append(f"{config_file_path()}: byte {error.start} is not UTF-8; save it as UTF-8")
    except OSError as error:
        problems.append(f"{config_file_path()}: {error.strerror}; let the hub's user read it")
    except SettingsError:
        problems += unread_values(Settings, os.environ, config_file_path())
    if problems:
        raise SettingsWrong(problems)
    return settings
