"""Everything that can be set from outside, in one class. `.env.example` and the README name the same."""

import os
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.local_secrets import local_secrets
from app.core.secret_rules import weakness_of_password
from app.core.setting_types import (
    BrokerUrl,
    Bytes,
    DatabaseUrl,
    Email,
    IssuerUrl,
    Limits,
    ListOf,
    LogLevel,
    Origin,
    OriginOrNone,
    Positive,
    RedisUrl,
    Seconds,
    Secret,
    SecretKey,
    SmtpUrl,
    WebUrlOrNone,
)
from app.core.storage_rules import lack_of_storage


class Environment(StrEnum):
    local = "local"
    production = "production"


class Storage(StrEnum):
    local = "local"
    s3 = "s3"
    imagekit = "imagekit"


class Settings(BaseSettings):
    """Read from the environment, then from `.env` (or the file that `ENV_FILE` names); empty means not set.

    Then from a directory with a file for each, as Docker, Kubernetes and systemd hand out secrets: `SECRETS_DIR`.
    In local mode the two secrets that are not set come from a file of generated ones (see `local_secrets`).
    Raises `pydantic.ValidationError`, whose messages name the variable and never show its value.
    """

    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"),
        env_ignore_empty=True,
        secrets_dir=os.environ.get("SECRETS_DIR") or os.environ.get("CREDENTIALS_DIRECTORY"),
        extra="ignore",
        hide_input_in_errors=True,
        frozen=True,
    )

    ENVIRONMENT: Environment = Environment.local
    DATA_DIR: Path = Path("data")

    SECRET_KEY: SecretKey = SecretStr("")
    ACCESS_TOKEN_EXPIRE_MINUTES: Positive = 15
    SESSION_EXPIRE_DAYS: Positive = 30
    SESSION_IDLE_DAYS: Positive = 14
    FIRST_SUPERUSER_EMAIL: Email = "admin@example.com"
    FIRST_SUPERUSER_PASSWORD: Secret = SecretStr("")

    DATABASE_URL: DatabaseUrl = ""
    DATABASE_WAIT: Seconds = 60
    STATEMENT_TIMEOUT: Seconds = 10
    THREADS: Annotated[int, Field(ge=1, le=64)] = 8
    JOB_THREADS: Annotated[int, Field(ge=0, le=16)] = 1

    HOST: str = "127.0.0.1"
    PORT: Annotated[int, Field(ge=1, le=65535)] = 8000
    WEB_CONCURRENCY: Positive = 2
    CPU_AFFINITY: bool = False
    CORS_ORIGINS: ListOf[Origin] = ()
    ALLOWED_HOSTS: ListOf[str] = ("*",)
    FORWARDED_ALLOW_IPS: ListOf[str] = ("127.0.0.1", "::1")
    MAX_BODY_SIZE: Bytes = 1024 * 1024
    REQUEST_TIMEOUT: Seconds = 25
    MAX_IMPORT_SIZE: Bytes = 64 * 1024 * 1024
    IMPORT_TIMEOUT: Seconds = 300
    MAX_UPLOAD_SIZE: Bytes = 32 * 1024 * 1024
    # Far below the hour after which a file without a row counts as left behind.
    UPLOAD_TIMEOUT: Annotated[float, Field(gt=0, le=1800)] = 300
    REQUIRE_IF_MATCH: bool = False
    RATE_LIMITS: Limits = {}
    REDIS_URL: RedisUrl = ""
    CELERY_BROKER_URL: BrokerUrl = ""
    CACHE_SIZE: Annotated[int, Field(ge=0)] = 8 * 1024 * 1024
    LOG_LEVEL: LogLevel = "INFO"

    SMTP_URL: SmtpUrl = ""
    MAIL_FROM: Email = "larder@example.com"
    PUBLIC_URL: Annotated[Origin, Field(validate_default=True)] = ""
    REQUIRE_VERIFIED_EMAIL: bool = False

    OIDC_ISSUER: IssuerUrl = ""
    OIDC_CLIENT_ID: str = ""
    OIDC_CLIENT_SECRET: SecretStr = SecretStr("")

    STORAGE: Storage = Storage.local
    S3_BUCKET: str = ""
    S3_ENDPOINT_URL: OriginOrNone = ""
    S3_REGION: str = "us-east-1"
    S3_ACCESS_KEY_ID: str = ""
    S3_SECRET_ACCESS_KEY: SecretStr = SecretStr("")
    IMAGEKIT_PRIVATE_KEY: SecretStr = SecretStr("")
    IMAGEKIT_URL_ENDPOINT: WebUrlOrNone = ""
    IMAGEKIT_API_URL: OriginOrNone = ""

    REDDIT_URL: str = "https://www.reddit.com"

    @property
    def s3_endpoint(self) -> str:
        return self.S3_ENDPOINT_URL or f"https://s3.{self.S3_REGION}.amazonaws.com"

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

    @field_validator("FIRST_SUPERUSER_PASSWORD")
    @classmethod
    def _refuse_weak_password(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        email: str = info.data.get("FIRST_SUPERUSER_EMAIL", "")
        if weakness := weakness_of_password(value.get_secret_value(), email):
            raise ValueError(weakness)
        if value == info.data.get("SECRET_KEY"):
            raise ValueError("is the same as SECRET_KEY")
        return value

    @field_validator("DATABASE_URL", mode="before")
    @classmethod
    def _keep_it_in_a_file(cls, url: str, info: ValidationInfo) -> str:
        return url or f"sqlite:///{info.data['DATA_DIR'] / 'larder.db'}"

    @field_validator("PUBLIC_URL", mode="before")
    @classmethod
    def _reach_it_where_it_listens(cls, url: str, info: ValidationInfo) -> str:
        host = info.data.get("HOST", "")
        return url or f"http://{f'[{host}]' if ':' in host else host}:{info.data.get('PORT')}"

    @model_validator(mode="after")
    def _ask_for_what_mails_say(self) -> Self:
        missing = sorted({"MAIL_FROM", "PUBLIC_URL"} - self.model_fields_set)
        if self.SMTP_URL and missing:
            raise ValueError(f"{' and '.join(missing)} must be set as well when SMTP_URL is")
        return self

    @model_validator(mode="after")
    def _ask_for_what_storage_takes(self) -> Self:
        if lack := lack_of_storage(self.STORAGE, self.model_fields_set):
            raise ValueError(lack)
        return self

    @model_validator(mode="after")
    def _ask_for_what_single_sign_on_takes(self) -> Self:
        missing = sorted({"OIDC_CLIENT_ID", "PUBLIC_URL"} - self.model_fields_set)
        if self.OIDC_ISSUER and missing:
            raise ValueError(f"{' and '.join(missing)} must be set as well when OIDC_ISSUER is")
        if self.OIDC_ISSUER and find_spec("authlib") is None:
            raise ValueError("OIDC_ISSUER takes the package authlib, which is not installed: pip install 'larder[sso]'")
        return self


def _load() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        reasons = [
            " ".join([*map(str, one["loc"]), one["msg"].removeprefix("Value error, ")]) for one in error.errors()
        ]
        raise SystemExit(f"Larder cannot start: {'; '.join(reasons)}. See .env.example.") from None
    except OSError as error:
        raise SystemExit(
            f"Larder cannot start: it cannot read its secrets in SECRETS_DIR, or keep them in DATA_DIR: {error}."
        ) from None


settings = _load()
