"""Conditional requests (RFC 9110, section 13): who reads saves a transfer, who writes loses no update of another."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from app import crud
from app.api import conditional
from app.core.config import settings
from app.models import Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import POSTGRES, WHY_NOT, as_user
from tests.support.own_service import as_superuser, own_service
from tests.support.postgres import fresh_database
from tests.support.wire import Wire


@pytest.fixture
def recipe(session: Session, user: User) -> Recipe:
    """In version 3."""
    recipe = crud.recipe.create(session, RecipeCreate.model_validate(SOUP), user)
    recipe.version = 3
    session.commit()
    return recipe


@pytest.fixture
def path(recipe: Recipe) -> str:
    return f"{PATH}/{recipe.id}"


@pytest.fixture
def headers(user: User) -> dict[str, str]:
    return as_user(user)


Write = Callable[..., Response]

WRITES: dict[str, object] = {"PATCH": {"label": "Stew"}, "PUT": {**SOUP, "label": "Stew"}, "DELETE": None}


@pytest.fixture(params=WRITES)
def write(request: pytest.FixtureRequest, client: TestClient, path: str, headers: dict[str, str]) -> Write:
    """Sends one of the requests that change or remove the recipe, with these headers too."""
    method: str = request.param

    def write(*more: tuple[str, str]) -> Response:
        return client.request(method, path, json=WRITES[method], headers=[*headers.items(), *more])

    return write


# The tag


def test_every_answer_with_one_row_has_its_tag(client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert client.get(path).headers["ETag"] == '"3"'
    assert client.head(path).headers["ETag"] == '"3"'
    assert client.patch(path, json={}, headers=headers).headers["ETag"] == '"3"'
    assert client.patch(path, json={"label": "Stew"}, headers=headers).headers["ETag"] == '"4"'
    assert client.put(path, json=SOUP, headers=headers).headers["ETag"] == '"5"'
    assert client.delete(path, headers=headers).status_code == 204
    restored = client.post(f"{path}/restore", headers=headers)
    assert restored.headers["ETag"] == f'"{restored.json()["version"]}"' == '"7"'
    created = client.post(PATH, json=SOUP, headers=headers)
    assert created.headers["ETag"] == '"1"'
    assert client.get(created.headers["Location"]).headers["ETag"] == '"1"'


def test_row_that_changes_along_with_another_has_a_new_tag(client: TestClient, path: str, superuser: User) -> None:
    submitter = client.get(path).json()["submitter_id"]
    assert client.delete(f"/api/v1/users/{submitter}", headers=as_user(superuser)).status_code == 204
    after = client.get(path, headers={"If-None-Match": '"3"'})
    assert (after.status_code, after.headers["ETag"], after.json()["submitter_id"]) == (200, '"4"', None)


# Reading


@pytest.mark.parametrize(
    "tags",
    ['"3"', 'W/"3"', "*", '"1", "3"', '"1","3"', '"x", W/"3"', ', "3" ,, "1",', '"3"\t,\t"1"', '"ä", "3"', '"", "3"'],
)
def test_reader_who_has_this_version_gets_304(client: TestClient, path: str, tags: str) -> None:
    for method in ("GET", "HEAD"):
        answer = client.request(method, path, headers={b"If-None-Match": tags.encode("latin-1")})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == '"3"'
        assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("tags", ['"2"', '"2", "4"', '""', '"03"', '"3.0"', '"+3"', 'W/"2"', '"3x"', '"٣"'])
def test_reader_of_another_version_gets_this_one(client: TestClient, path: str, tags: str) -> None:
    answer = client.get(path, headers={b"If-None-Match": tags.encode()})
    assert (answer.status_code, answer.json()["version"]) == (200, 3)


def test_several_lines_are_one_list(client: TestClient, path: str) -> None:
    lines = [("If-None-Match", '"1"'), ("If-None-Match", '"3"')]
    assert client.get(path, headers=lines).status_code == 304


def test_if_match_goes_before_if_none_match(client: TestClient, path: str) -> None:
    assert_problem(client.get(path, headers={"If-Match": '"2"', "If-None-Match": '"3"'}), 412)
    assert client.get(path, headers={"If-Match": '"3"', "If-None-Match": '"3"'}).status_code == 304
    assert client.get(path, headers={"If-Match": "*", "If-None-Match": '"2"'}).status_code == 200
    # A weak tag is equal to none, where equality has to be strong.
    assert_problem(client.get(path, headers={"If-Match": 'W/"3"'}), 412)


def test_row_with_what_it_refers_to_has_no_tag(client: TestClient, path: str) -> None:
    """Its version does not say whether what is embedded has changed."""
    expanded = f"{path}?expand=submitter"
    assert "ETag" not in client.get(expanded).headers
    assert client.get(expanded, headers={"If-None-Match": '"3"'}).status_code == 200
    assert client.get(expanded, headers={"If-None-Match": "*"}).status_code == 304
    assert client.get(expanded, headers={"If-Match": "*"}).status_code == 200
    assert_problem(client.get(expanded, headers={"If-Match": '"3"'}), 412)


def test_what_is_not_there_is_404_whatever_the_condition(client: TestClient, headers: dict[str, str]) -> None:
    missing = f"{PATH}/{2**53 - 1}"
    for condition in ({"If-Match": "*"}, {"If-Match": '"1"'}, {"If-None-Match": "*"}, {"If-None-Match": '"1"'}):
        assert_problem(client.get(missing, headers=condition), 404)
        for method, body in WRITES.items():
            assert_problem(client.request(method, missing, json=body, headers=headers | condition), 404)


# Writing


@pytest.mark.parametrize("tags", ['"3"', "*", '"2", "3"', ' "3" ,"4"', ',, "3"'])
def test_writer_who_knows_the_row_changes_it(client: TestClient, path: str, write: Write, tags: str) -> None:
    assert write(("If-Match", tags)).is_success
    assert client.get(path).json().get("label") != "Pea soup"


@pytest.mark.parametrize("condition", [("If-None-Match", '"2"'), ("If-None-Match", 'W/"2", "4"')])
def test_writer_who_excludes_other_versions_changes_it(write: Write, condition: tuple[str, str]) -> None:
    assert write(condition).is_success


@pytest.mark.parametrize(
    "condition",
    [
        ("If-Match", '"2"'),
        ("If-Match", '"4", "2"'),
        ("If-Match", 'W/"3"'),
        ("If-Match", 'W/"3", "2"'),
        ("If-Match", '""'),
        ("If-Match", '"999999999999999999999999"'),
        ("If-Match", '"3\';DROP/**/TABLE/**/recipe;--"'),
        ("If-None-Match", '"3"'),
        ("If-None-Match", 'W/"3"'),
        ("If-None-Match", "*"),
    ],
)
def test_writer_of_a_stale_version_changes_nothing(
    client: TestClient, path: str, write: Write, condition: tuple[str, str]
) -> None:
    before = client.get(path)
    assert_problem(write(condition), 412)
    after = client.get(path)
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])


def test_both_conditions_have_to_hold(client: TestClient, path: str, write: Write) -> None:
    assert_problem(write(("If-Match", '"3"'), ("If-None-Match", '"3"')), 412)
    assert_problem(write(("If-Match", '"2"'), ("If-None-Match", '"2"')), 412)
    assert write(("If-Match", '"3"'), ("If-None-Match", '"2"')).is_success


def test_even_an_empty_patch_meets_its_condition(client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert_problem(client.patch(path, json={}, headers=headers | {"If-Match": '"2"'}), 412)
    assert client.patch(path, json={}, headers=headers | {"If-Match": '"3"'}).headers["ETag"] == '"3"'


def test_second_of_two_writers_is_told(write: Write, client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert client.patch(path, json={"label": "Mine"}, headers=headers | {"If-Match": '"3"'}).status_code == 200
    assert_problem(write(("If-Match", '"3"')), 412)
    assert client.get(path).json()["label"] == "Mine"


MALFORMED = [
    *("", " ", ",", "3", "'3'", '"3', '3"', 'w/"3"', 'W/ "3"', "W/3", '"3" "4"', '"3", *', "*, *", "**", '"3";"4"'),
    *('"a\\""', '"3 "', '"\x7f"'),
]


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_malformed_condition_is_400(client: TestClient, path: str, write: Write, name: str) -> None:
    for tags in MALFORMED:
        assert_problem(write((name, tags)), 400)
        assert_problem(client.get(path, headers={name: tags}), 400)
    assert client.get(path).json()["version"] == 3


def test_long_list_of_tags_takes_no_time(client: TestClient, path: str) -> None:
    for tags in ('"1", ' * 4000 + '"3"', "," * 20_000 + "x", '"1"' + ", " * 10_000 + "x", '"' + "x" * 20_000):
        assert client.get(path, headers={"If-None-Match": tags}).status_code in {304, 400}


def test_who_may_not_change_it_is_told_so_first(
    client: TestClient, path: str, make_user: Callable[..., User], write: Write
) -> None:
    stale = ("If-Match", '"2"')
    stranger = as_user(make_user("stranger"))
    for method, body in WRITES.items():
        assert_problem(client.request(method, path, json=body, headers=[*stranger.items(), stale]), 403)
        assert_problem(client.request(method, path, json=body, headers=[stale]), 401)
    assert_problem(write(stale), 412)


def test_deleted_row_is_404_whatever_its_version(
    client: TestClient, path: str, write: Write, headers: dict[str, str]
) -> None:
    client.delete(path, headers=headers)
    for tags in ('"4"', '"3"', "*"):
        assert_problem(write(("If-Match", tags)), 404)


# When a condition is obligatory


@pytest.fixture
def obliged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditional, "settings", settings.model_copy(update={"REQUIRE_IF_MATCH": True}))


def test_write_without_condition_is_428_where_a_setting_says_so(
    obliged: None, client: TestClient, path: str, write: Write
) -> None:
    assert_problem(write(), 428)
    assert_problem(write(("If-None-Match", '"2"')), 428)
    assert client.get(path).json()["version"] == 3
    assert_problem(write(("If-Match", '"2"')), 412)
    assert write(("If-Match", '"3"')).is_success


def test_nothing_else_needs_a_condition(obliged: None, client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert client.get(path).status_code == 200
    assert client.post(PATH, json=SOUP, headers=headers).status_code == 201
    assert client.patch(path, json={}, headers=headers | {"If-Match": "*"}).status_code == 200


# Under load

CLIENTS = 50
ROUNDS = 200
TRIES = 100
LONGEST_PAUSE = 2.0
"""Seconds."""


@pytest.mark.slow
def test_counter_that_many_clients_raise_misses_no_step() -> None:
    if WHY_NOT in os.environ:
        pytest.skip(f"no PostgreSQL: {os.environ[WHY_NOT]}")
    statuses: Counter[int] = Counter()

    async def raise_by_one(wire: Wire, path: str) -> None:
        for attempt in range(TRIES):
            read = await wire.request("GET", path, {})
            number = int(read.json()["label"]) + 1
            headers = as_superuser() | {"If-Match": read.headers["etag"]}
            written = await wire.request("PATCH", path, headers, {"label": str(number)})
            statuses[written.status] += 1
            if written.status == 200:
                return
            # As any client should: the more often in vain, the longer the pause (full jitter).
            await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.1 * 2**attempt)))
        pytest.fail(f"no success in {TRIES} tries")

    async def client(port: int, path: str) -> None:
        async with Wire(port) as wire:
            for _ in range(ROUNDS):
                await raise_by_one(wire, path)

    async def all_clients(port: int) -> int:
        async with Wire(port) as wire:
            created = await wire.request("POST", PATH, as_superuser(), SOUP | {"label": "0"})
            path = created.headers["location"]
            await asyncio.gather(*(client(port, path) for _ in range(CLIENTS)))
            recipe = (await wire.request("GET", path, {})).json()
        assert recipe["version"] == 1 + CLIENTS * ROUNDS
        return int(recipe["label"])

    with fresh_database(os.environ[POSTGRES]) as url, own_service(url) as service:
        assert asyncio.run(all_clients(service.port)) == CLIENTS * ROUNDS
    assert statuses.keys() == {200, 412}
    print(f"{statuses[412]} of {statuses.total()} writes came too late")
