"""Everything that can be set from outside, in one class. `.env.example` and the README name the same."""

import json
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core import patterns
from app.core.local_secrets import local_secrets
from app.core.secret_rules import weakness_of_key, weakness_of_password


class Environment(StrEnum):
    local = "local"
    production = "production"


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [name.strip() for name in value.split(",") if name.strip()]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("begins like JSON, and is not") from None


Name = TypeVar("Name", bound=str)
ListOf = Annotated[tuple[Name, ...], NoDecode, BeforeValidator(_split)]
"""Names separated by commas, or a JSON list; may be empty."""

POSTGRESQL_URL = re.compile(
    r"postgresql\+psycopg2://([^@]*@)?([^@:/?\[\]]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[^@?]*)?(\?.*)?"
)
SQLITE_URL = re.compile(r"sqlite:///(?!:memory:)[^?].*")

Origin = Annotated[str, Field(pattern=patterns.ORIGIN)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Secret = Annotated[SecretStr, Field(validate_default=True)]


class Settings(BaseSettings):
    """Read from the environment, then from `.env` (or the file that `ENV_FILE` names); empty means not set.

    In local mode the two secrets that are not set come from a file of generated ones (see `local_secrets`).
    Raises `pydantic.ValidationError`, whose messages name the variable and never show its value.
    """

    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"),
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        frozen=True,
    )

    ENVIRONMENT: Environment = Environment.local
    DATA_DIR: Path = Path("data")

    SECRET_KEY: Secret = SecretStr("")
    ACCESS_TOKEN_EXPIRE_MINUTES: Annotated[int, Field(ge=1)] = 30
    FIRST_SUPERUSER_EMAIL: Annotated[str, Field(pattern=patterns.EMAIL, max_length=254)] = "admin@example.com"
    FIRST_SUPERUSER_PASSWORD: Secret = SecretStr("")

    # It may hold a password, hence no repr.
    DATABASE_URL: Annotated[str, Field(validate_default=True, repr=False)] = ""
    DATABASE_WAIT: Seconds = 60
    STATEMENT_TIMEOUT: Seconds = 10
    THREADS: Annotated[int, Field(ge=1, le=64)] = 8

    HOST: str = "127.0.0.1"
    PORT: Annotated[int, Field(ge=1, le=65535)] = 8000
    WEB_CONCURRENCY: Annotated[int, Field(ge=1)] = 2
    CORS_ORIGINS: ListOf[Origin] = ()
    ALLOWED_HOSTS: ListOf[str] = ("*",)
    FORWARDED_ALLOW_IPS: ListOf[str] = ("127.0.0.1", "::1")
    MAX_BODY_SIZE: Annotated[int, Field(ge=1024)] = 1024 * 1024
    REQUEST_TIMEOUT: Seconds = 25
    MAX_IMPORT_SIZE: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    IMPORT_TIMEOUT: Seconds = 300
    REQUIRE_IF_MATCH: bool = False
    LOG_LEVEL: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    REDDIT_URL: str = "https://www.reddit.com"

    @property
    def is_production(self) -> bool:
        return self.ENVIRONMENT is Environment.production

    @model_validator(mode="before")
    @classmethod
    def _generate_missing_secrets(cls, values: dict[str, Any]) -> dict[str, Any]:
        is_local = values.get("ENVIRONMENT", Environment.local) == Environment.local
        if is_local and not {"SECRET_KEY", "FIRST_SUPERUSER_PASSWORD"} <= values.keys():
            return {**local_secrets(Path(values.get("DATA_DIR", "data"))), **values}
        return values

    @field_validator("SECRET_KEY")
    @classmethod
    def _refuse_weak_key(cls, value: SecretStr) -> SecretStr:
        if weakness := weakness_of_key(value.get_secret_value()):
            raise ValueError(f"{weakness}; `openssl rand -hex 32` prints a good one")
        return value

    @field_validator("FIRST_SUPERUSER_PASSWORD")
    @classmethod
    def _refuse_weak_password(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        email: str = info.data.get("FIRST_SUPERUSER_EMAIL", "")
        if weakness := weakness_of_password(value.get_secret_value(), email):
            raise ValueError(weakness)
        if value == info.data.get("SECRET_KEY"):
            raise ValueError("is the same as SECRET_KEY")
        return value

    @field_validator("DATABASE_URL")
    @classmethod
    def _name_the_driver(cls, url: str, info: ValidationInfo) -> str:
        if not url:
            return f"sqlite:///{info.data['DATA_DIR'] / 'larder.db'}"
        # SQLAlchemy 2.1 takes a bare "postgresql" for psycopg 3, and no longer knows "postgres".
        url = re.sub("^postgres(ql)?://", "postgresql+psycopg2://", url)
        if not (POSTGRESQL_URL.fullmatch(url) or SQLITE_URL.fullmatch(url)):
            raise ValueError(
                "must be like postgresql+psycopg2://user:password@host:5432/name, where an @ in the password is %40, "
                "or like sqlite:///file"
            )
        return url


def _load() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        reasons = [
            " ".join([*map(str, one["loc"]), one["msg"].removeprefix("Value error, ")]) for one in error.errors()
        ]
        raise SystemExit(f"Larder cannot start: {'; '.join(reasons)}. See .env.example.") from None
    except OSError as error:
        raise SystemExit(f"Larder cannot start: it cannot keep its secrets in DATA_DIR: {error}.") from None


settings = _load()
