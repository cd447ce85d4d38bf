"""Everything that can be set from outside, in one class. `.env.example` and the README name the same."""

import json
import os
import re
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core import patterns
from app.core.local_secrets import local_secrets
from app.core.secret_rules import weakness_of_key, weakness_of_password
from app.core.storage_rules import lack_of_storage


class Environment(StrEnum):
    local = "local"
    production = "production"


class Storage(StrEnum):
    local = "local"
    s3 = "s3"
    imagekit = "imagekit"


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


def _split_pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = (pair.rpartition("=") for pair in value.split(",") if pair.strip())
    return {name.strip(): limit.strip() for name, _, limit in pairs}


Pairs = Annotated[dict[str, str], NoDecode, BeforeValidator(_split_pairs)]
"""Such as `sign-up=100/hour, refresh=off`."""

LIMIT = re.compile(r"off|[1-9][0-9]*/([1-9][0-9]* )?(second|minute|hour|day)s?")
POSTGRESQL_URL = re.compile(
    r"postgresql\+psycopg2://([^@]*@)?([^@:/?\[\]]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[^@?]*)?(\?.*)?"
)
SQLITE_URL = re.compile(r"sqlite:///(?!:memory:)[^?].*")
REDIS_URL = re.compile(r"(rediss?|unix)://.+")
BROKER_URL = re.compile(r"(rediss?|amqps?)://.+")

SMTP_URL = re.compile(
    r"(?P<scheme>smtps?|smtp\+starttls)://(?:(?P<user>[^:@/?#]+):(?P<password>[^:@/?#]+)@)?"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
"""How to reach the mail server; characters of the user name and the password may be percent-encoded."""

Origin = Annotated[str, Field(pattern=patterns.ORIGIN)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Secret = Annotated[SecretStr, Field(validate_default=True)]


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

    SECRET_KEY: Secret = SecretStr("")
    ACCESS_TOKEN_EXPIRE_MINUTES: Annotated[int, Field(ge=1)] = 15
    SESSION_EXPIRE_DAYS: Annotated[int, Field(ge=1)] = 30
    SESSION_IDLE_DAYS: Annotated[int, Field(ge=1)] = 14
    FIRST_SUPERUSER_EMAIL: Annotated[str, Field(pattern=patterns.EMAIL, max_length=254)] = "admin@example.com"
    FIRST_SUPERUSER_PASSWORD: Secret = SecretStr("")

    # It may hold a password, hence no repr.
    DATABASE_URL: Annotated[str, Field(validate_default=True, repr=False)] = ""
    DATABASE_WAIT: Seconds = 60
    STATEMENT_TIMEOUT: Seconds = 10
    THREADS: Annotated[int, Field(ge=1, le=64)] = 8
    JOB_THREADS: Annotated[int, Field(ge=0, le=16)] = 1

    HOST: str = "127.0.0.1"
    PORT: Annotated[int, Field(ge=1, le=65535)] = 8000
    WEB_CONCURRENCY: Annotated[int, Field(ge=1)] = 2
    CPU_AFFINITY: bool = False
    CORS_ORIGINS: ListOf[Origin] = ()
    ALLOWED_HOSTS: ListOf[str] = ("*",)
    FORWARDED_ALLOW_IPS: ListOf[str] = ("127.0.0.1", "::1")
    MAX_BODY_SIZE: Annotated[int, Field(ge=1024)] = 1024 * 1024
    REQUEST_TIMEOUT: Seconds = 25
    MAX_IMPORT_SIZE: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    IMPORT_TIMEOUT: Seconds = 300
    MAX_UPLOAD_SIZE: Annotated[int, Field(ge=1024)] = 32 * 1024 * 1024
    # Far below the hour after which a file without a row counts as left behind.
    UPLOAD_TIMEOUT: Annotated[float, Field(gt=0, le=1800)] = 300
    REQUIRE_IF_MATCH: bool = False
    RATE_LIMITS: Pairs = {}
    REDIS_URL: Annotated[str, Field(repr=False)] = ""
    CELERY_BROKER_URL: Annotated[str, Field(repr=False)] = ""
    CACHE_SIZE: Annotated[int, Field(ge=0)] = 8 * 1024 * 1024
    LOG_LEVEL: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    # It may hold a password, hence no repr.
    SMTP_URL: Annotated[str, Field(repr=False)] = ""
    MAIL_FROM: Annotated[str, Field(pattern=patterns.EMAIL, max_length=254)] = "larder@example.com"
    PUBLIC_URL: Annotated[Origin, Field(validate_default=True)] = ""
    REQUIRE_VERIFIED_EMAIL: bool = False

    OIDC_ISSUER: str = ""
    OIDC_CLIENT_ID: str = ""
    OIDC_CLIENT_SECRET: SecretStr = SecretStr("")

    STORAGE: Storage = Storage.local
    S3_BUCKET: str = ""
    S3_ENDPOINT_URL: Annotated[str, Field(pattern=f"^$|{patterns.ORIGIN}")] = ""
    S3_REGION: str = "us-east-1"
    S3_ACCESS_KEY_ID: str = ""
    S3_SECRET_ACCESS_KEY: SecretStr = SecretStr("")
    IMAGEKIT_PRIVATE_KEY: SecretStr = SecretStr("")
    IMAGEKIT_URL_ENDPOINT: Annotated[str, Field(pattern=f"^$|{patterns.WEB_URL}")] = ""
    IMAGEKIT_API_URL: Annotated[str, Field(pattern=f"^$|{patterns.ORIGIN}")] = ""

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

    @field_validator("SMTP_URL")
    @classmethod
    def _check_way_to_the_mail_server(cls, url: str) -> str:
        found = SMTP_URL.fullmatch(url)
        if not (found or url == ""):
            raise ValueError(
                "must be like smtps://user:password@host:465, smtp+starttls://user:password@host:587 or smtp://host"
            )
        if found and found["user"] and found["scheme"] == "smtp":
            raise ValueError("must not send a password in the clear: smtps:// and smtp+starttls:// hide it")
        return url

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

    @field_validator("RATE_LIMITS")
    @classmethod
    def _refuse_bad_limits(cls, limits: dict[str, str]) -> dict[str, str]:
        for name, limit in limits.items():
            if not LIMIT.fullmatch(limit):
                raise ValueError(f"must have something like 5/minute, 100/15 minutes or off for {name}")
        return limits

    @field_validator("REDIS_URL")
    @classmethod
    def _refuse_url_without_client(cls, url: str) -> str:
        if not url:
            return url
        if not REDIS_URL.fullmatch(url):
            raise ValueError("must be like redis://:password@host:6379/0, rediss://host or unix:///socket")
        if find_spec("redis") is None:
            raise ValueError("takes the package redis, which is not installed: pip install 'larder[redis]'")
        return url

    @field_validator("CELERY_BROKER_URL")
    @classmethod
    def _refuse_broker_without_client(cls, url: str) -> str:
        if url and not BROKER_URL.fullmatch(url):
            raise ValueError("must be like redis://:password@host:6379/0, rediss://host or amqp://user:password@host//")
        if url and find_spec("celery") is None:
            raise ValueError("takes the package celery, which is not installed: pip install 'larder[celery]'")
        return url

    @field_validator("OIDC_ISSUER")
    @classmethod
    def _refuse_who_can_be_posed_as(cls, url: str) -> str:
        if url and not (len(url) <= 255 and re.fullmatch(patterns.ISSUER, url)):
            raise ValueError("must be like https://provider.example.com/path, as the provider itself writes it")
        return url

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
