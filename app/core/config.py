"""Everything that can be set from outside, in one class. `.env.example` and the README list the same names."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core import patterns
from app.core.local_secrets import local_secrets
from app.core.secret_rules import weakness_of_key, weakness_of_password


class Environment(StrEnum):
    local = "local"
    production = "production"


NameList = Annotated[tuple[str, ...], NoDecode]
"""Names separated by commas, or a JSON list; may be empty."""


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

    SECRET_KEY: SecretStr = SecretStr("")
    ACCESS_TOKEN_EXPIRE_MINUTES: Annotated[int, Field(ge=1)] = 30
    FIRST_SUPERUSER_EMAIL: Annotated[str, Field(pattern=patterns.EMAIL)] = "admin@example.com"
    FIRST_SUPERUSER_PASSWORD: SecretStr = SecretStr("")

    DATABASE_URL: Annotated[str, Field(validate_default=True)] = ""
    DATABASE_WAIT: Annotated[float, Field(gt=0)] = 60
    STATEMENT_TIMEOUT: Annotated[float, Field(gt=0)] = 10
    THREADS: Annotated[int, Field(ge=1, le=64)] = 8

    HOST: str = "127.0.0.1"
    PORT: Annotated[int, Field(ge=1, le=65535)] = 8000
    WEB_CONCURRENCY: Annotated[int, Field(ge=1)] = 2
    CORS_ORIGINS: NameList = ()
    ALLOWED_HOSTS: NameList = ("*",)
    FORWARDED_ALLOW_IPS: NameList = ("127.0.0.1", "::1")
    MAX_BODY_SIZE: Annotated[int, Field(ge=1024)] = 1024 * 1024
    REQUEST_TIMEOUT: Annotated[float, Field(gt=0)] = 25
    MAX_IMPORT_SIZE: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    IMPORT_TIMEOUT: Annotated[float, Field(gt=0)] = 300
    REQUIRE_IF_MATCH: bool = False
    LOG_LEVEL: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    REDDIT_URL: str = "https://www.reddit.com"

    @property
    def is_production(self) -> bool:
        return self.ENVIRONMENT is Environment.production

    @model_validator(mode="before")
    @classmethod
    def _generate_missing_secrets(cls, values: dict[str, Any]) -> dict[str, Any]:
        missing = {"SECRET_KEY", "FIRST_SUPERUSER_PASSWORD"} - values.keys()
        if missing and values.get("ENVIRONMENT", Environment.local) == Environment.local:
            return {**local_secrets(Path(values.get("DATA_DIR", "data"))), **values}
        for name in sorted(missing):
            raise ValueError(f"{name} must be set in production")
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
        if value == info.data.get("SECRET_KEY"):
            raise ValueError("is the same as SECRET_KEY")
        if weakness := weakness_of_password(value.get_secret_value(), info.data.get("FIRST_SUPERUSER_EMAIL", "")):
            raise ValueError(weakness)
        return value

    @field_validator("DATABASE_URL")
    @classmethod
    def _name_the_driver(cls, url: str, info: ValidationInfo) -> str:
        if not url:
            return f"sqlite:///{info.data['DATA_DIR'] / 'larder.db'}"
        scheme, separator, rest = url.partition("://")
        # SQLAlchemy 2.1 takes a bare "postgresql" for psycopg 3, and no longer knows "postgres".
        if scheme in ("postgres", "postgresql"):
            scheme = "postgresql+psycopg2"
        if scheme not in ("postgresql+psycopg2", "sqlite") or not separator:
            raise ValueError("must begin with postgresql+psycopg2:// or sqlite:///")
        return f"{scheme}://{rest}"

    @field_validator("CORS_ORIGINS", "ALLOWED_HOSTS", "FORWARDED_ALLOW_IPS", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return TypeAdapter(tuple[str, ...]).validate_json(value)
        return tuple(name.strip() for name in value.split(",") if name.strip())


def _load() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        reasons = [
            " ".join([*map(str, one["loc"]), one["msg"].removeprefix("Value error, ")]) for one in error.errors()
        ]
        raise SystemExit(f"Larder cannot start: {'; '.join(reasons)}. See .env.example.") from None


settings = _load()
