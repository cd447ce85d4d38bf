"""The kinds of values that settings have, and what is wrong with one that is none."""

import json
import re
from importlib.util import find_spec
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from app.core import patterns
from app.core.secret_rules import weakness_of_key

# Numbers

Positive = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1024)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# Texts

Email = Annotated[str, Field(pattern=patterns.EMAIL, max_length=254)]
Origin = Annotated[str, Field(pattern=patterns.ORIGIN)]
OriginOrNone = Annotated[str, Field(pattern=f"^$|{patterns.ORIGIN}")]
WebUrlOrNone = Annotated[str, Field(pattern=f"^$|{patterns.WEB_URL}")]
LogLevel = Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")]

# Lists


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

LIMIT = re.compile(r"off|[1-9][0-9]*/([1-9][0-9]* )?(second|minute|hour|day)s?")


def _split_pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = (pair.rpartition("=") for pair in value.split(",") if pair.strip())
    return {name.strip(): limit.strip() for name, _, limit in pairs}


def _refuse_bad_limits(limits: dict[str, str]) -> dict[str, str]:
    for name, limit in limits.items():
        if not LIMIT.fullmatch(limit):
            raise ValueError(f"must have something like 5/minute, 100/15 minutes or off for {name}")
    return limits


Limits = Annotated[dict[str, str], NoDecode, BeforeValidator(_split_pairs), AfterValidator(_refuse_bad_limits)]
"""Such as `sign-up=100/hour, refresh=off`."""

# Secrets


def _refuse_weak_key(value: SecretStr) -> SecretStr:
    if weakness := weakness_of_key(value.get_secret_value()):
        raise ValueError(f"{weakness}; `openssl rand -hex 32` prints a good one")
    return value


Secret = Annotated[SecretStr, Field(validate_default=True)]
SecretKey = Annotated[Secret, AfterValidator(_refuse_weak_key)]

# Where other servers are. A URL may hold a password, hence no repr.

Url = Annotated[str, Field(repr=False)]

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


def _name_the_driver(url: str) -> str:
    # SQLAlchemy 2.1 takes a bare "postgresql" for psycopg 3, and no longer knows "postgres".
    url = re.sub("^postgres(ql)?://", "postgresql+psycopg2://", url)
    if not (POSTGRESQL_URL.fullmatch(url) or SQLITE_URL.fullmatch(url)):
        raise ValueError(
            "must be like postgresql+psycopg2://user:password@host:5432/name, where an @ in the password is %40, "
            "or like sqlite:///file"
        )
    return url


def _check_way_to_the_mail_server(url: str) -> str:
    found = SMTP_URL.fullmatch(url)
    if not (found or url == ""):
        raise ValueError(
            "must be like smtps://user:password@host:465, smtp+starttls://user:password@host:587 or smtp://host"
        )
    if found and found["user"] and found["scheme"] == "smtp":
        raise ValueError("must not send a password in the clear: smtps:// and smtp+starttls:// hide it")
    return url


def _refuse_url_without_client(url: str) -> str:
    if url and not REDIS_URL.fullmatch(url):
        raise ValueError("must be like redis://:password@host:6379/0, rediss://host or unix:///socket")
    if url and find_spec("redis") is None:
        raise ValueError("takes the package redis, which is not installed: pip install 'larder[redis]'")
    return url


def _refuse_broker_without_client(url: str) -> str:
    if url and not BROKER_URL.fullmatch(url):
        raise ValueError("must be like redis://:password@host:6379/0, rediss://host or amqp://user:password@host//")
    if url and find_spec("celery") is None:
        raise ValueError("takes the package celery, which is not installed: pip install 'larder[celery]'")
    return url


def _refuse_who_can_be_posed_as(url: str) -> str:
    if url and not (len(url) <= 255 and re.fullmatch(patterns.ISSUER, url)):
        raise ValueError("must be like https://provider.example.com/path, as the provider itself writes it")
    return url


DatabaseUrl = Annotated[Url, Field(validate_default=True), AfterValidator(_name_the_driver)]
SmtpUrl = Annotated[Url, AfterValidator(_check_way_to_the_mail_server)]
RedisUrl = Annotated[Url, AfterValidator(_refuse_url_without_client)]
BrokerUrl = Annotated[Url, AfterValidator(_refuse_broker_without_client)]
IssuerUrl = Annotated[str, AfterValidator(_refuse_who_can_be_posed_as)]
