"""Settings: what is read, what is refused, and that nobody sees a secret."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core import config, setting_types, storage_rules
from app.core.config import Environment, Settings
from tests.conftest import ROOT

KEY = "7d1f0c9a5be84e02a6c3f1d8b9e04752"
PASSWORD = "quiet-Lantern-93"


@pytest.fixture
def set_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings; generated secrets go to a directory of the test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return monkeypatch


def loaded(variables: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        variables.setenv(name, value)
    return Settings()


def refused(variables: pytest.MonkeyPatch, **values: str) -> str:
    """Which variables were refused and why."""
    with pytest.raises(ValidationError) as error:
        loaded(variables, **values)
    reasons = str(error.value)
    for value in values.values():
        if len(value) > 3 and value not in ("production", "local"):
            assert value not in reasons
    return reasons


def start(directory: Path, module: str = "app.core.config", **values: str) -> subprocess.CompletedProcess[str]:
    """Imports the module in a directory of the test's own and with these settings only."""
    ours = {*Settings.model_fields, "ENV_FILE", "SECRETS_DIR", "CREDENTIALS_DIRECTORY"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONPATH": str(ROOT), **values}
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


PRODUCTION = {"ENVIRONMENT": "production", "SECRET_KEY": KEY, "FIRST_SUPERUSER_PASSWORD": PASSWORD}

# Starting


def test_production_starts_with_good_secrets_and_keeps_none_itself(tmp_path: Path) -> None:
    done = start(tmp_path, "app.main", **PRODUCTION)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"SECRET_KEY": "", "FIRST_SUPERUSER_PASSWORD": ""}, ["SECRET_KEY", "FIRST_SUPERUSER_PASSWORD"]),
        ({"SECRET_KEY": "hunter2-and-some-more"}, ["SECRET_KEY"]),
        ({"FIRST_SUPERUSER_PASSWORD": KEY}, ["FIRST_SUPERUSER_PASSWORD"]),
        ({"ENVIRONMENT": "staging-area"}, ["ENVIRONMENT"]),
        ({"DATABASE_URL": "mysql://larder:hunter2@db/larder"}, ["DATABASE_URL"]),
        ({"CORS_ORIGINS": '["https://hunter2.example"'}, ["CORS_ORIGINS"]),
        ({"PORT": "hunter2", "THREADS": "many-hunter2"}, ["THREADS", "PORT"]),
    ],
)
def test_start_that_fails_says_why_in_one_line(tmp_path: Path, changes: dict[str, str], names: list[str]) -> None:
    done = start(tmp_path, **PRODUCTION | changes)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("Larder cannot start: ")
    assert re.findall(r"\b[A-Z]+_?[A-Z]+(?:_[A-Z]+)*\b(?= [a-zI])", done.stderr) == names
    for secret in ("hunter2", KEY, PASSWORD):
        assert secret not in done.stderr


def test_start_that_cannot_keep_its_secrets_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    done = start(tmp_path, DATA_DIR="file")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "DATA_DIR" in done.stderr


def test_env_file_is_read_and_the_environment_goes_before_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"# mine\nENVIRONMENT=production\nSECRET_KEY={KEY}\nFIRST_SUPERUSER_PASSWORD=short\n"
    )
    done = start(tmp_path)
    assert "FIRST_SUPERUSER_PASSWORD" in done.stderr
    assert "SECRET_KEY" not in done.stderr
    assert start(tmp_path, FIRST_SUPERUSER_PASSWORD=PASSWORD).returncode == 0


@pytest.mark.parametrize("variable", ["SECRETS_DIR", "CREDENTIALS_DIRECTORY"])
def test_secrets_are_read_from_files_and_the_environment_goes_before_them(tmp_path: Path, variable: str) -> None:
    (tmp_path / "..data").mkdir()  # as Kubernetes mounts them
    for name, secret in {"SECRET_KEY": KEY, "FIRST_SUPERUSER_PASSWORD": "short"}.items():
        (tmp_path / "..data" / name).write_text(f"{secret}\n")
        (tmp_path / name).symlink_to(f"..data/{name}")
    settings = {"ENVIRONMENT": "production", variable: str(tmp_path)}
    done = start(tmp_path, **settings)
    assert "FIRST_SUPERUSER_PASSWORD" in done.stderr
    assert "SECRET_KEY" not in done.stderr
    assert "short;" not in done.stderr
    done = start(tmp_path, **settings, FIRST_SUPERUSER_PASSWORD=PASSWORD, SECRET_KEY="")
    assert (done.returncode, done.stderr) == (0, "")


def test_local_start_needs_no_setting(tmp_path: Path) -> None:
    done = start(tmp_path, "app.main")
    assert (done.returncode, done.stderr) == (0, "")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["data", "data/local.env"]


# Secrets


@pytest.mark.parametrize(
    "key",
    [
        "x" * 31,
        "ü" * 15,
        "a" * 64,
        "ab" * 32,
        "0123" * 16,
        KEY[:16] * 2,
        "changethis-changethis-changethis-1",
        "your-secret-key-goes-here-0123456789",
        "please-CHANGE-ME-in-production-2026!",
        "an-example-key-of-more-than-32-bytes",
    ],
)
@pytest.mark.parametrize("environment", list(Environment))
def test_weak_secret_key_is_refused(set_variables: pytest.MonkeyPatch, environment: str, key: str) -> None:
    assert "SECRET_KEY\n" in refused(set_variables, **PRODUCTION | {"SECRET_KEY": key, "ENVIRONMENT": environment})


def test_secret_key_is_measured_in_bytes(set_variables: pytest.MonkeyPatch) -> None:
    assert loaded(set_variables, SECRET_KEY="äöüßéèêàâîôûçñø£").SECRET_KEY.get_secret_value()


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "eleven-char",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "Password-1234",
        "changethis-now",
        "ann-of-the-hills",
        KEY,
        "x1!" + "y" * 1022,
    ],
)
def test_weak_superuser_password_is_refused(set_variables: pytest.MonkeyPatch, password: str) -> None:
    values = PRODUCTION | {"FIRST_SUPERUSER_PASSWORD": password, "FIRST_SUPERUSER_EMAIL": "ann@example.com"}
    assert "FIRST_SUPERUSER_PASSWORD\n" in refused(set_variables, **values)


@pytest.mark.parametrize(
    "email", ["admin", "admin@localhost", "a b@example.com", "admin@example.com\n", f"a@{'b.' * 130}com"]
)
def test_superuser_email_is_one(set_variables: pytest.MonkeyPatch, email: str) -> None:
    assert "FIRST_SUPERUSER_EMAIL\n" in refused(set_variables, FIRST_SUPERUSER_EMAIL=email)


def test_secrets_that_are_not_text_are_refused_without_being_shown(set_variables: pytest.MonkeyPatch) -> None:
    assert "SECRET_KEY\n" in refused(set_variables, SECRET_KEY="not-utf-8-\udcff-" + KEY)


def test_settings_show_no_secret(set_variables: pytest.MonkeyPatch) -> None:
    settings = loaded(
        set_variables,
        **PRODUCTION,
        DATABASE_URL="postgresql://larder:hunter2@db/larder",
        SMTP_URL="smtps://larder:hunter2@mail",
        **MAIL,
    )
    for text in (repr(settings), str(settings), f"{settings.SECRET_KEY} {settings.FIRST_SUPERUSER_PASSWORD}"):
        for secret in ("hunter2", KEY, PASSWORD):
            assert secret not in text


# The others


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://a.example", ("https://a.example",)),
        ("https://a.example, http://localhost:3000 ,", ("https://a.example", "http://localhost:3000")),
        ('["https://a.example", "http://[::1]:3000"]', ("https://a.example", "http://[::1]:3000")),
        ("", ()),
        (" ", ()),
        ("[]", ()),
    ],
)
def test_cors_origins_are_a_list_with_commas_or_json(
    set_variables: pytest.MonkeyPatch, given: str, read: tuple[str, ...]
) -> None:
    origins = loaded(set_variables, CORS_ORIGINS=given).CORS_ORIGINS
    assert origins == read


@pytest.mark.parametrize(
    "given",
    [
        "*",
        "https://*.example.com",
        "a.example",
        "https://a.example/",
        "https://a.example/path",
        "ftp://a.example",
        "https://ann@a.example",
        "https://a.example https://b.example",
        '["https://a.example"',
        "[https://a.example]",
        '[["https://a.example"]]',
        "[4711]",
    ],
)
def test_origin_that_no_browser_sends_is_refused(set_variables: pytest.MonkeyPatch, given: str) -> None:
    assert "CORS_ORIGINS" in refused(set_variables, CORS_ORIGINS=given)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgres://u:p@host/name", "postgresql+psycopg2://u:p@host/name"),
        ("postgresql://u:p@host:5432/name?sslmode=require", "postgresql+psycopg2://u:p@host:5432/name?sslmode=require"),
        ("postgresql+psycopg2://host/name", "postgresql+psycopg2://host/name"),
        ("postgresql://u:p%40ss%2Fword@[::1]:5432/name", "postgresql+psycopg2://u:p%40ss%2Fword@[::1]:5432/name"),
        ("postgresql://u@/name?host=/run/postgresql", "postgresql+psycopg2://u@/name?host=/run/postgresql"),
        ("sqlite:///larder.db", "sqlite:///larder.db"),
        ("sqlite:////var/lib/larder.db", "sqlite:////var/lib/larder.db"),
    ],
)
def test_database_url_names_the_driver(set_variables: pytest.MonkeyPatch, given: str, read: str) -> None:
    url = loaded(set_variables, DATABASE_URL=given).DATABASE_URL
    assert url == read


def test_without_a_database_url_it_is_a_file_in_the_data_directory(
    set_variables: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = loaded(set_variables).DATABASE_URL
    assert url == f"sqlite:///{tmp_path}/larder.db"


@pytest.mark.parametrize(
    "given",
    [
        "mysql://u:hunter2@host/name",
        "postgresql+asyncpg://u:hunter2@host/name",
        "postgresql:/u:hunter2@host/name",
        "postgresql://u:hunter2@ss@host/name",
        "postgresql://u:hunter2@host:port/name",
        "u:hunter2@host/name",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "larder.db",
    ],
)
def test_other_database_urls_are_refused(set_variables: pytest.MonkeyPatch, given: str) -> None:
    with pytest.raises(ValidationError, match="DATABASE_URL\n") as error:
        loaded(set_variables, DATABASE_URL=given)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("PORT", "65536"),
        ("WEB_CONCURRENCY", "0"),
        ("THREADS", "-1"),
        ("JOB_THREADS", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_WAIT", "NaN"),
        ("REQUEST_TIMEOUT", "inf"),
        ("MAX_BODY_SIZE", "1 MB"),
        ("CACHE_SIZE", "-1"),
    ],
)
def test_number_out_of_its_bounds_is_refused(set_variables: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert f"{name}\n" in refused(set_variables, **{name: value})


MAIL = {"MAIL_FROM": "larder@example.org", "PUBLIC_URL": "https://larder.example.org"}


@pytest.mark.parametrize(
    "given",
    [
        "smtp://localhost",
        "smtp://[::1]:2525",
        "smtps://larder:hunter2@mail.example.org",
        "smtp+starttls://l%40rder:p%3Aq@mail.example.org:587",
    ],
)
def test_mail_server_is_a_url(set_variables: pytest.MonkeyPatch, given: str) -> None:
    assert given == loaded(set_variables, SMTP_URL=given, **MAIL).SMTP_URL


@pytest.mark.parametrize(
    "given",
    [
        "mail.example.org",
        "http://mail.example.org",
        "smtps://larder@mail.example.org",
        "smtps://larder:hunter2@mail.example.org:port",
        "smtps://larder:hunter2@mail.example.org/path",
        "smtps://l@rder:hunter2@mail.example.org",
        "smtp://larder:hunter2@mail.example.org",
    ],
)
def test_mail_server_that_is_none_or_would_show_the_password_is_refused(
    set_variables: pytest.MonkeyPatch, given: str
) -> None:
    assert "SMTP_URL\n" in refused(set_variables, SMTP_URL=given, **MAIL)


@pytest.mark.parametrize("missing", MAIL)
def test_mail_server_needs_a_sender_and_an_address_for_links(set_variables: pytest.MonkeyPatch, missing: str) -> None:
    given = {name: value for name, value in MAIL.items() if name != missing}
    assert missing in refused(set_variables, SMTP_URL="smtp://localhost", **given)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"HOST": "::1", "PORT": "80"}, "http://[::1]:80"),
        ({"PUBLIC_URL": "https://larder.example"}, "https://larder.example"),
    ],
)
def test_links_begin_with_where_it_listens_unless_told_otherwise(
    set_variables: pytest.MonkeyPatch, given: dict[str, str], url: str
) -> None:
    assert url == loaded(set_variables, **given).PUBLIC_URL


@pytest.mark.parametrize(
    "given", ["larder.example", "https://larder.example/", "https://ann@larder.example", "ftp://a"]
)
def test_public_url_that_is_no_origin_is_refused(set_variables: pytest.MonkeyPatch, given: str) -> None:
    assert "PUBLIC_URL\n" in refused(set_variables, PUBLIC_URL=given)


def test_limits_are_pairs_with_commas(set_variables: pytest.MonkeyPatch) -> None:
    assert loaded(set_variables).RATE_LIMITS == {}
    given = " sign-up=100/hour, GET /api/v1/recipes = 5/10 seconds,*=off,"
    read = {"sign-up": "100/hour", "GET /api/v1/recipes": "5/10 seconds", "*": "off"}
    assert read == loaded(set_variables, RATE_LIMITS=given).RATE_LIMITS


@pytest.mark.parametrize(
    "given",
    [
        "sign-up",
        "sign-up=",
        "sign-up=0/hour",
        "sign-up=-1/hour",
        "sign-up=5",
        "sign-up=5/fortnight",
        "sign-up=5/1.5 hours",
    ],
)
def test_limit_that_is_none_is_refused(set_variables: pytest.MonkeyPatch, given: str) -> None:
    assert "RATE_LIMITS\n" in refused(set_variables, RATE_LIMITS=given)


@pytest.mark.parametrize("given", ["redis://:hunter2@db:6379/0", "rediss://db", "unix:///run/redis.sock?db=1"])
def test_redis_url(set_variables: pytest.MonkeyPatch, given: str) -> None:
    settings = loaded(set_variables, REDIS_URL=given)
    assert given == settings.REDIS_URL
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("given", ["localhost:6379", "memcached://db", "redis:/db", "http://db"])
def test_other_redis_urls_are_refused(set_variables: pytest.MonkeyPatch, given: str) -> None:
    assert "REDIS_URL\n" in refused(set_variables, REDIS_URL=given)


def test_redis_without_its_package_is_refused(set_variables: pytest.MonkeyPatch) -> None:
    set_variables.setattr(setting_types, "find_spec", lambda _: None)
    assert "larder[redis]" in refused(set_variables, REDIS_URL="redis://db")


@pytest.mark.parametrize("given", ["redis://:hunter2@db:6379/0", "rediss://db", "amqp://larder:hunter2@db//"])
def test_broker_is_a_url(set_variables: pytest.MonkeyPatch, given: str) -> None:
    settings = loaded(set_variables, CELERY_BROKER_URL=given)
    assert given == settings.CELERY_BROKER_URL
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "given", ["localhost:6379", "sqs://", "memory://", "filesystem:///tmp", "amqp:db", "http://db"]
)
def test_other_brokers_are_refused(set_variables: pytest.MonkeyPatch, given: str) -> None:
    assert "CELERY_BROKER_URL\n" in refused(set_variables, CELERY_BROKER_URL=given)


def test_broker_without_celery_is_refused(set_variables: pytest.MonkeyPatch) -> None:
    set_variables.setattr(setting_types, "find_spec", lambda _: None)
    assert "larder[celery]" in refused(set_variables, CELERY_BROKER_URL="amqp://db")


S3 = {"STORAGE": "s3", "S3_BUCKET": "larder", "S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "hunter2"}
IMAGEKIT = {
    "STORAGE": "imagekit",
    "IMAGEKIT_PRIVATE_KEY": "hunter2",
    "IMAGEKIT_URL_ENDPOINT": "https://ik.example.com/larder",
}


@pytest.mark.parametrize("given", [S3, IMAGEKIT], ids=["s3", "imagekit"])
def test_storage_takes_its_keys_and_its_package(set_variables: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    settings = loaded(set_variables, **given)
    assert given["STORAGE"] == settings.STORAGE
    assert "hunter2" not in repr(settings)
    set_variables.setattr(storage_rules, "find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=f"larder\\[{given['STORAGE']}\\]"):
        loaded(set_variables, **given)


@pytest.mark.parametrize(
    ("given", "name"),
    [(S3, name) for name in S3 if name != "STORAGE"] + [(IMAGEKIT, name) for name in IMAGEKIT if name != "STORAGE"],
)
def test_storage_without_one_of_its_keys_is_refused(
    set_variables: pytest.MonkeyPatch, given: dict[str, str], name: str
) -> None:
    assert name in refused(set_variables, **given | {name: ""})


def test_unknown_storage_is_refused(set_variables: pytest.MonkeyPatch) -> None:
    assert "STORAGE\n" in refused(set_variables, STORAGE="ftp")


OIDC = {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "client", "PUBLIC_URL": "https://ours.example.com"}


@pytest.mark.parametrize(
    "issuer",
    ["https://id.example.com", "https://id.example.com:8443/realms/us/", "http://127.0.0.1:4000", "http://localhost"],
)
def test_issuer_is_a_place_that_nobody_can_pose_as(set_variables: pytest.MonkeyPatch, issuer: str) -> None:
    settings = loaded(set_variables, **OIDC | {"OIDC_ISSUER": issuer})
    assert issuer == settings.OIDC_ISSUER


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.com",
        "http://127.0.0.1.example.com",
        "https:///realms",
        "https://id.example.com?tenant=1",
        "https://id.example.com#us",
        "https://ann@id.example.com",
        "id.example.com",
        "https://id.example.com/" + "x" * 255,
    ],
)
def test_other_issuers_are_refused(set_variables: pytest.MonkeyPatch, issuer: str) -> None:
    assert "OIDC_ISSUER\n" in refused(set_variables, **OIDC | {"OIDC_ISSUER": issuer})


@pytest.mark.parametrize("missing", ["OIDC_CLIENT_ID", "PUBLIC_URL"])
def test_provider_needs_to_know_who_asks_and_where_to_send_people(
    set_variables: pytest.MonkeyPatch, missing: str
) -> None:
    assert f"{missing} must be set" in refused(set_variables, **OIDC | {missing: ""})


def test_single_sign_on_without_its_packages_is_refused(set_variables: pytest.MonkeyPatch) -> None:
    set_variables.setattr(config, "find_spec", lambda _: None)
    assert "larder[sso]" in refused(set_variables, **OIDC)


def test_packages_of_single_sign_on_are_left_alone_without_it(tmp_path: Path) -> None:
    check = "app.main, sys; sys.exit(bool({'authlib', 'joserfc'} & sys.modules.keys()))"
    assert start(tmp_path, check).returncode == 0


def test_example_file_lists_exactly_the_settings() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert named == list(dict.fromkeys(named)), "twice"
    assert set(named) == set(Settings.model_fields)


def test_example_file_is_good_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    assert start(tmp_path).returncode == 0
