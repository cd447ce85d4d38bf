"""Cursors: a walk through a list, page by page, meets every row once, whatever it is sorted by."""

import asyncio
import os
import random
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.orm import Session

from app import crud
from app.api.cursor import MAC_BYTES
from app.api.resource.parameters import cursors
from app.crud.query import ListQuery, sort_columns
from app.models import User
from app.protocols.http import MAX_TARGET
from app.schemas.recipe import RecipeCreate
from tests.api import jars
from tests.api.jars import FIELDS, Row, in_order
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import POSTGRES, WHY_NOT, as_user
from tests.support.own_service import as_superuser, own_service
from tests.support.postgres import fresh_database
from tests.support.wire import Wire

# Walks


@pytest.fixture
def rows(connection: Connection) -> Iterator[list[Row]]:
    with jars.client:
        yield jars.fill(connection, 50)


def walk(client: TestClient | httpx2.Client, path: str, **parameters: Any) -> Iterator[list[int]]:
    """The ids of page after page."""
    while True:
        answer = client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        yield [item["id"] for item in answer.json()["items"]]
        if (cursor := answer.json()["next_cursor"]) is None:
            return
        parameters["cursor"] = cursor


def walked(limit: int, **parameters: Any) -> list[int]:
    pages = [*walk(jars.client, jars.PATH, limit=limit, **parameters)]
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit
    return [id for page in pages for id in page]


@pytest.mark.parametrize("direction", ["", "-"])
def test_walk_by_any_column_meets_each_row_once(rows: list[Row], direction: str) -> None:
    for sort in (direction + field for field in ["id", *FIELDS]):
        assert walked(9, sort=sort) == in_order(rows, sort)


def test_walk_by_any_columns_meets_each_row_once(rows: list[Row]) -> None:
    chance = random.Random(1)
    for _ in range(25):
        names = chance.sample(["id", *FIELDS], chance.randint(2, 4))
        sorts = [chance.choice(["", "-"]) + name for name in names]
        assert walked(chance.randint(5, 20), sort=",".join(sorts)) == in_order(rows, *sorts)


def test_walk_through_nothing_but_ties(connection: Connection) -> None:
    rows = jars.fill(connection, 15)
    for row in rows:
        row.update(is_open=True, maybe_is_open=None)
    connection.execute(text("UPDATE jar SET is_open = true, maybe_is_open = NULL"))
    for sort in ("is_open", "-is_open", "maybe_is_open", "-maybe_is_open", "-maybe_is_open,is_open"):
        assert walked(1, sort=sort) == in_order(rows, *sort.split(","))


def test_walk_keeps_filters_and_words(rows: list[Row]) -> None:
    found = [row for row in rows if "a" in row["label"].lower() and row["grams"] != 0]
    narrowed = {"label__icontains": "A", "grams__ne": 0, "sort": "-maybe_price"}
    assert walked(5, **narrowed) == in_order(found, "-maybe_price")
    found = [row for row in rows if "jam" in f"{row['label']} {row['maybe_label']}".lower()]
    assert walked(5, q="JAM") == in_order(found, "id")


def test_pages_may_differ_in_length_and_in_what_they_embed(rows: list[Row]) -> None:
    first = jars.client.get(jars.PATH, params={"limit": 3}).json()
    second = jars.client.get(jars.PATH, params={"limit": 4, "cursor": first["next_cursor"], "count": "exact"}).json()
    assert [item["id"] for item in second["items"]] == [4, 5, 6, 7]


def test_other_words_for_the_same_order_take_the_same_cursor(rows: list[Row]) -> None:
    cursor = jars.client.get(jars.PATH, params={"limit": 3}).json()["next_cursor"]
    for sort in ("id", "id,-id"):
        again = jars.client.get(jars.PATH, params={"limit": 1, "sort": sort, "cursor": cursor})
        assert [item["id"] for item in again.json()["items"]] == [4]


def test_page_begins_after_its_row_also_when_that_is_gone(rows: list[Row], connection: Connection) -> None:
    for sort in ("id", "label", "-maybe_label"):
        order = in_order(rows, sort)
        cursor = jars.client.get(jars.PATH, params={"limit": 10, "sort": sort}).json()["next_cursor"]
        connection.execute(text("DELETE FROM jar WHERE id = :id"), {"id": order[9]})
        rows = [row for row in rows if row["id"] != order[9]]
        page = jars.client.get(jars.PATH, params={"limit": 100, "sort": sort, "cursor": cursor}).json()
        assert [item["id"] for item in page["items"]] == order[10:]


# What is no cursor of this list


@pytest.fixture
def cursor(client: TestClient, session: Session, user: User) -> str:
    """Of the default list of recipes, of which there are four, with a page of two."""
    for _ in range(4):
        crud.recipe.create(session, RecipeCreate.model_validate(SOUP), user)
    session.commit()
    cursor: str = client.get(PATH, params={"limit": 2}).json()["next_cursor"]
    return cursor


def assert_refused(client: TestClient, cursor: str, **parameters: str) -> None:
    answer = client.get(PATH, params={**parameters, "cursor": cursor})
    assert_problem(answer, 400, "query/cursor")
    assert answer.json()["detail"] == "The cursor does not belong to this list"


@pytest.mark.parametrize(
    "forged",
    ["", "x", "=", "....", "%", "None", "null", "0", "-1", "A" * 22, "A" * 23, "é", "🍯", "\x00", " ", "x" * 5000],
    ids=lambda forged: f"{forged[:8]!r} of {len(forged)} characters",
)
def test_forged_cursor_is_400(client: TestClient, forged: str) -> None:
    assert_refused(client, forged)


def test_broken_cursor_is_400(client: TestClient, cursor: str) -> None:
    assert client.get(PATH, params={"cursor": cursor}).status_code == 200
    for length in range(len(cursor)):
        assert_refused(client, cursor[:length])
    for more in ("A", "=", "==", " ", "\n", "%00"):
        assert_refused(client, cursor + more)
    for place in range(len(cursor)):
        other = "B" if cursor[place] == "A" else "A"
        assert_refused(client, cursor[:place] + other + cursor[place + 1 :])


def test_cursor_that_somebody_wrote_himself_is_400(client: TestClient) -> None:
    for payload in (b"[1]", b"[null]", b"[]", b"[1,2]", b'["x"]', b"{}", b"[" * 3000, b"[" + b"9" * 400 + b"]"):
        assert_refused(client, urlsafe_b64encode(bytes(MAC_BYTES) + payload).rstrip(b"=").decode())


@pytest.mark.parametrize(
    "other",
    [
        {"sort": "-id"},
        {"sort": "id,label"},
        {"sort": "created_at"},
        {"q": "soup"},
        {"label": "Pea soup"},
        {"label__ne": "Pea soup"},
        {"id__in": "1"},
    ],
)
def test_cursor_of_another_order_or_selection_is_400(client: TestClient, cursor: str, other: dict[str, str]) -> None:
    assert_refused(client, cursor, **other)


def test_cursor_of_deleted_rows_is_not_one_of_living_rows(client: TestClient, cursor: str, user: User) -> None:
    answer = client.get(PATH, params={"deleted": "only", "cursor": cursor}, headers=as_user(user))
    assert_problem(answer, 400, "query/cursor")


def test_cursor_of_another_list_is_400(rows: list[Row], client: TestClient, cursor: str, superuser: User) -> None:
    answer = client.get("/api/v1/users", params={"cursor": cursor}, headers=as_user(superuser))
    assert_problem(answer, 400, "query/cursor")
    assert_refused(client, jars.client.get(jars.PATH, params={"limit": 2}).json()["next_cursor"])


def test_cursor_and_offset_exclude_each_other(client: TestClient, cursor: str) -> None:
    for offset in (0, 2):
        answer = client.get(PATH, params={"cursor": cursor, "offset": offset})
        assert_problem(answer, 400)
        assert "not at both" in answer.json()["detail"]


def test_cursor_shows_nothing_but_what_the_page_showed(session: Session, user: User) -> None:
    """Of the row only the columns that were asked for; and it fits into a request however long they are."""
    longest = {"label": "🍯" * 256, "source": '"' * 256, "url": "https://example.com/"}
    recipe = crud.recipe.create(session, RecipeCreate.model_validate(longest), user)
    cursor = cursors(crud.recipe, ListQuery(sort=("label", "source", "created_at", "updated_at"))).write(recipe)
    assert len(cursor) < MAX_TARGET / 2


# What a page costs


MANY = text("""
    INSERT INTO recipe (label, source, url, created_at, updated_at, version)
    SELECT 'Soup', 'Aunt', 'https://example.com/', now() - n / 3 * interval '1 second', now(), 1
    FROM generate_series(1, :count) AS n
""")
"""Recipes that were made three at a time."""


@pytest.fixture
def many(connection: Connection) -> Connection:
    """120,000 recipes, of which every tenth is deleted."""
    if connection.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL explains its plans like this")
    connection.execute(MANY, {"count": 120_000})
    connection.execute(text("UPDATE recipe SET deleted_at = now() WHERE id % 10 = 0"))
    connection.execute(text("ANALYZE recipe"))
    return connection


def explained(connection: Connection, query: ListQuery) -> tuple[list[str], int]:
    """The nodes of the plan for a page, each with its index, and how many blocks of the database it looks at."""
    said: list[tuple[str, Any]] = []

    def note(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> None:
        said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    with Session(connection) as session:
        assert len(crud.recipe.get_multi(session, query)) == query.limit
    event.remove(connection, "before_cursor_execute", note)
    statement, parameters = said[-1]
    answer = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
    node = answer.scalar_one()[0]["Plan"]
    blocks: int = node["Shared Hit Blocks"] + node["Shared Read Blocks"]
    nodes: list[str] = []
    while node:
        nodes.append(f"{node['Node Type']} {node.get('Scan Direction', '')} {node.get('Index Name', '')}".strip())
        node = next(iter(node.get("Plans", ())), None)
    return nodes, blocks


def test_page_5000_costs_what_page_1_costs(many: Connection) -> None:
    sorts: dict[tuple[str, ...], str] = {
        (): "Index Scan Forward pk_recipe",
        ("-id",): "Index Scan Backward pk_recipe",
        ("created_at",): "Index Scan Forward ix_recipe_created_at_id",
        ("-created_at",): "Index Scan Backward ix_recipe_created_at_id",
        ("-created_at", "label"): "Index Scan Backward ix_recipe_created_at_id",
    }
    for sort, index in sorts.items():
        query = ListQuery(limit=20, sort=sort)
        with Session(many) as session:
            before = crud.recipe.get_multi(session, replace(query, offset=4_999 * 20 - 1, limit=1))[0]
            after = tuple(getattr(before, name) for name in sort_columns(sort))
        first_plan, first_blocks = explained(many, query)
        plan, blocks = explained(many, replace(query, after=after))
        assert plan == first_plan
        assert plan[-1] == index
        assert blocks < first_blocks + 20


# While others write

ROWS = 100_000
WRITERS = 10


@pytest.mark.slow
def test_walk_among_writers_meets_each_row_that_stays_once() -> None:
    """Half of the rows stay; writers remove the others and add new ones, as fast as they can."""
    if WHY_NOT in os.environ:
        pytest.skip(f"no PostgreSQL: {os.environ[WHY_NOT]}")
    with fresh_database(os.environ[POSTGRES]) as url, own_service(url) as service:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(MANY, {"count": ROWS})
            stay = {*connection.execute(text("SELECT id FROM recipe WHERE id % 2 = 0")).scalars()}
        engine.dispose()
        for sort in ("id", "-created_at"):
            seen, written = asyncio.run(walk_among_writers(service.port, sort))
            assert len(seen) == len({*seen})
            assert {*seen} >= stay
            assert min(written.values()) > 100
            print(f"{len(seen)} rows by {sort}; meanwhile {dict(written)}")


async def walk_among_writers(port: int, sort: str) -> tuple[list[int], Counter[str]]:
    seen: list[int] = []
    written: Counter[str] = Counter()
    done = asyncio.Event()

    async def write(number: int) -> None:
        own: list[str] = []
        chance = random.Random(number)
        async with Wire(port) as wire:
            while not done.is_set():
                created = await wire.request("POST", PATH, as_superuser(), SOUP)
                written["created"] += created.status == 201
                own.append(created.headers["location"])
                # Its own are even or odd; of the others only those go that are odd and belong to this writer.
                mine = chance.randrange(ROWS // WRITERS // 2) * WRITERS * 2 + 2 * number + 1
                for path in (f"{PATH}/{mine}", own.pop(0) if len(own) > 5 else f"{PATH}/{mine}"):
                    written["deleted"] += (await wire.request("DELETE", path, as_superuser())).status == 204

    async def read() -> None:
        cursor = ""
        async with Wire(port) as wire:
            while not done.is_set():
                page = (await wire.request("GET", f"{PATH}?limit=100&sort={sort}{cursor}", {})).json()
                seen.extend(item["id"] for item in page["items"])
                cursor = f"&cursor={page['next_cursor']}"
                if page["next_cursor"] is None:
                    done.set()

    await asyncio.gather(read(), *(write(number) for number in range(WRITERS)))
    return seen, written
