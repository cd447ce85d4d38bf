"""Lists: filters, search, order, pages, totals and what is embedded, alike on both databases."""

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from app import crud
from app.api.resource.filters import MAX_IN, filters_of
from app.api.resource.parameters import page_schema
from app.crud.base import CRUDBase
from app.main import app
from app.models import IdempotencyKey, Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.api import jars
from tests.api.jars import FIELDS, VALUES, Row, as_parameter, in_order
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import as_user


@pytest.fixture
def rows(connection: Connection) -> Iterator[list[Row]]:
    with jars.client:
        yield jars.fill(connection, 50)


def found(**parameters: Any) -> list[int]:
    """The ids on the one page that there is."""
    answer = jars.client.get(jars.PATH, params={"limit": 100, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    return [item["id"] for item in answer.json()["items"]]


# Filters

COMPARED = [field for field in FIELDS if "is_open" not in field]
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


def fields_and_values(fields: list[str]) -> Iterator[tuple[str, Any]]:
    return ((field, value) for field in fields for value in VALUES[field.removeprefix("maybe_")])


def test_equal_finds_its_value(rows: list[Row]) -> None:
    for field, value in fields_and_values(FIELDS):
        assert found(**{field: as_parameter(value)}) == [row["id"] for row in rows if row[field] == value]


def test_not_equal_finds_all_others(rows: list[Row]) -> None:
    for field, value in fields_and_values(COMPARED):
        assert found(**{f"{field}__ne": as_parameter(value)}) == [row["id"] for row in rows if row[field] != value]


@pytest.mark.parametrize("operation", COMPARISONS)
def test_comparison_finds_what_it_says(rows: list[Row], operation: str) -> None:
    for field, value in fields_and_values(COMPARED):
        known = [row for row in rows if row[field] is not None]
        wanted = [row["id"] for row in known if COMPARISONS[operation](row[field], value)]
        assert found(**{f"{field}__{operation}": as_parameter(value)}) == wanted


def test_in_finds_each_of_its_values(rows: list[Row]) -> None:
    for field, value in fields_and_values(COMPARED):
        values = [value, VALUES[field.removeprefix("maybe_")][0]]
        wanted = [row["id"] for row in rows if row[field] in values]
        assert found(**{f"{field}__in": [as_parameter(value) for value in values]}) == wanted


def test_isnull_finds_rows_with_and_without_value(rows: list[Row]) -> None:
    for field in (field for field in FIELDS if field.startswith("maybe_")):
        assert found(**{f"{field}__isnull": "true"}) == [row["id"] for row in rows if row[field] is None]
        assert found(**{f"{field}__isnull": "false"}) == [row["id"] for row in rows if row[field] is not None]


TEXTS = ["J", "j", "jam", "JAM", "Crème", "CRÈME", "a_", "a\\", "100 %", "Σ", "Δ", "δ", "%", "_", "\\", "/", "🍯"]


@pytest.mark.parametrize("field", ["label", "maybe_label"])
def test_texts_are_found_by_their_parts(rows: list[Row], field: str) -> None:
    known = [(row["id"], row[field]) for row in rows if row[field] is not None]
    for text in TEXTS:
        assert found(**{f"{field}__startswith": text}) == [id for id, value in known if value.startswith(text)]
        assert found(**{f"{field}__icontains": text}) == [id for id, value in known if lower(text) in lower(value)]


def lower(text: str) -> str:
    """Letter by letter: in a whole word Python writes the last sigma in another way."""
    return "".join(map(str.lower, text))


def test_filters_and_words_narrow_together(rows: list[Row]) -> None:
    assert found(q="jam 100", grams__gte=1, maybe_is_open="true") == [
        row["id"]
        for row in rows
        if all(word in f"{row['label']}\n{row['maybe_label']}".lower() for word in ("jam", "100"))
        and row["grams"] >= 1
        and row["maybe_is_open"]
    ]


def pointers(response: Response) -> list[str]:
    assert response.status_code == 422, response.text
    return [error["pointer"] for error in response.json()["errors"]]


def test_what_does_not_suit_a_column_is_no_parameter(rows: list[Row]) -> None:
    for name in ("is_open__ne", "is_open__in", "grams__icontains", "grams__startswith", "label__isnull", "id__isnull"):
        assert pointers(jars.client.get(jars.PATH, params={name: "1"})) == [f"query/{name}"]


def test_filter_for_a_kind_that_has_none_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="bytes"):
        list(filters_of(IdempotencyKey.__table__.c.body))


def test_filter_under_the_name_of_a_parameter_is_refused_at_once() -> None:
    class Counted(CRUDBase[Recipe, RecipeCreate, RecipeCreate]):
        filters = ("id", "limit")

    with pytest.raises(ValueError, match="limit"):
        page_schema(Counted(Recipe), RecipeCreate, ())


# Order


@pytest.mark.parametrize("direction", ["", "-"])
def test_sort_is_the_same_on_both_databases(rows: list[Row], direction: str) -> None:
    for sort in (direction + field for field in FIELDS):
        assert found(sort=sort) == in_order(rows, sort)


@pytest.mark.parametrize(
    "sorts",
    [
        ("maybe_label", "-maybe_grams"),
        ("-is_open", "maybe_filled_on", "-label"),
        ("maybe_is_open", "-maybe_best_before", "price", "-maybe_price"),
        ("-id", "label"),
    ],
)
def test_sort_takes_several_columns(rows: list[Row], sorts: tuple[str, ...]) -> None:
    assert found(sort=",".join(sorts)) == in_order(rows, *sorts)


def test_column_that_comes_again_adds_nothing(rows: list[Row]) -> None:
    assert found(sort="label,-label") == in_order(rows, "label")


# Bounds


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("&".join(f"id__in={number}" for number in range(MAX_IN + 1)), "query/id__in"),
        ("sort=id,label,source,created_at,updated_at", "query/sort"),
        ("limit=101", "query/limit"),
        ("offset=2147483648", "query/offset"),
        ("q=" + "x" * 101, "query/q"),
        ("label=" + "x" * 2049, "query/label"),
        ("label__in=" + "x" * 2049, "query/label__in/0"),
        ("label__in=x&label__in=%00", "query/label__in/1"),
        ("id__in=", "query/id__in/0"),
        ("label=", "query/label"),
        ("submitter_id__isnull=1", "query/submitter_id__isnull"),
        ("submitter_id__isnull=", "query/submitter_id__isnull"),
        ("submitter_id__isnull=True", "query/submitter_id__isnull"),
        ("deleted=all", "query/deleted"),
        ("expand=recipes", "query/expand"),
        ("expand=submitter,submitter", "query/expand"),
        ("created_at__gt=1700000000", "query/created_at__gt"),
        ("created_at__gt=2026-01-31", "query/created_at__gt"),
        ("created_at__in=2026-01-31T12:00:00Z&created_at__in=x", "query/created_at__in/1"),
    ],
)
def test_value_out_of_bounds_is_422(client: TestClient, query: str, pointer: str) -> None:
    assert_problem(client.get(f"{PATH}?{query}"), 422, pointer)


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "x", "1,5"])
def test_number_that_is_none_is_422(rows: list[Row], value: str) -> None:
    assert pointers(jars.client.get(jars.PATH, params={"price__gt": value})) == ["query/price__gt"]


@pytest.mark.parametrize("value", ["1", "2026-02-30", "2026-1-1", "2026-01-31T00:00:00Z", "20260131"])
def test_day_that_is_none_is_422(rows: list[Row], value: str) -> None:
    assert pointers(jars.client.get(jars.PATH, params={"filled_on": value})) == ["query/filled_on"]


def test_longest_list_and_longest_sort_are_served(client: TestClient) -> None:
    many = "&".join(f"id__in={number}" for number in range(MAX_IN))
    assert client.get(f"{PATH}?{many}&sort=label,-source,created_at,-updated_at&limit=100").status_code == 200


# Pages


@pytest.fixture
def recipes(session: Session, make_user: Callable[..., User]) -> list[Recipe]:
    """Nine recipes: three of Ann, three of Bob, three of nobody."""
    people = [make_user("ann", first_name="Ann"), make_user("bob", first_name="Bob"), None]
    data = RecipeCreate.model_validate(SOUP)
    recipes = [crud.recipe.create(session, data, person) for person in people * 3]
    session.commit()
    session.expunge_all()
    return recipes


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What the application says to the database."""
    said: list[str] = []

    def note(_: Connection, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


def selects(said: list[str]) -> list[str]:
    return [one for one in said if one.startswith("SELECT")]


def test_expanded_list_takes_one_statement_more(client: TestClient, engine: Engine, recipes: list[Recipe]) -> None:
    with statements(engine) as said:
        plain = client.get(PATH).json()["items"]
    assert len(selects(said)) == 1
    assert "submitter" not in plain[0]
    with statements(engine) as said:
        items = client.get(PATH, params={"expand": "submitter"}).json()["items"]
    assert len(selects(said)) == 2
    assert [item["submitter"] and item["submitter"]["first_name"] for item in items] == ["Ann", "Bob", None] * 3
    assert [{**item, **one} for item, one in zip(items, plain, strict=True)] == items


def test_expanded_row_takes_one_statement_more(client: TestClient, engine: Engine, recipes: list[Recipe]) -> None:
    for recipe, count, name in [(recipes[0], 2, "Ann"), (recipes[2], 1, None)]:
        with statements(engine) as said:
            answer = client.get(f"{PATH}/{recipe.id}", params={"expand": "submitter"})
        assert len(selects(said)) == count
        assert (answer.json()["submitter"] or {}).get("first_name") == name
        assert answer.json().keys() - {"submitter"} == client.get(f"{PATH}/{recipe.id}").json().keys()


def test_embedded_person_tells_no_secret(client: TestClient, recipes: list[Recipe]) -> None:
    item = client.get(PATH, params={"expand": "submitter"}).json()["items"][0]
    assert item["submitter"].keys() == {"id", "first_name", "surname"}


def test_total_comes_with_the_page_and_counts_all_pages(
    client: TestClient, engine: Engine, recipes: list[Recipe]
) -> None:
    query: dict[str, str | int] = {"count": "exact", "limit": 2, "submitter_id__isnull": "false"}
    with statements(engine) as said:
        page = client.get(PATH, params=query).json()
    assert (len(page["items"]), page["total"], len(selects(said))) == (2, 6, 1)
    places: list[dict[str, str | int]] = [{"cursor": page["next_cursor"]}, {"offset": 100}, {"expand": "submitter"}]
    for place in places:
        assert client.get(PATH, params={**query, **place}).json()["total"] == 6
    assert client.get(PATH, params={**query, "q": "nobody has this"}).json()["total"] == 0


def test_link_keeps_all_but_the_place(client: TestClient, recipes: list[Recipe]) -> None:
    query = "limit=2&label__icontains=p%C3%A9%26a&id__in=1&id__in=2"
    assert client.get(f"{PATH}?{query}&offset=2").headers["Link"] == (
        f'<{PATH}?{query}>; rel="first", <{PATH}?{query}&offset=0>; rel="prev"'
    )
    assert client.get(PATH).headers["Link"] == f'<{PATH}>; rel="first"'
    assert client.get(f"{PATH}/").headers["Link"] == f'<{PATH}>; rel="first"'


def test_link_and_cursor_lead_to_the_same_page(client: TestClient, recipes: list[Recipe]) -> None:
    first = client.get(PATH, params={"limit": 4, "expand": "submitter"})
    by_link = client.get(first.links["next"]["url"])
    by_cursor = client.get(PATH, params={"limit": 4, "expand": "submitter", "cursor": first.json()["next_cursor"]})
    assert by_link.json() == by_cursor.json()
    assert by_link.json()["items"][0]["submitter"]["first_name"] == "Bob"


def test_full_last_page_is_the_last(client: TestClient, recipes: list[Recipe]) -> None:
    page = client.get(PATH, params={"limit": 9})
    assert page.json()["next_cursor"] is None
    assert "next" not in page.links


# OpenAPI


def parameters_of(path: str) -> dict[str, Any]:
    return {one["name"]: one for one in app.openapi()["paths"][path]["get"]["parameters"]}


def test_openapi_explains_every_parameter() -> None:
    parameters = parameters_of(PATH)
    for name, one in parameters.items():
        schema = one["schema"]
        assert one["in"] == "query"
        assert not one["required"]
        assert schema["type"] in {"string", "integer", "boolean", "array"}, name
        assert name == "limit" or schema["description"], name
        if name not in {"limit", "offset", "cursor", "count", "deleted", "expand"}:
            assert schema["examples"], name
    wanted = {f"label__{operation}" for operation in ("ne", "lt", "lte", "gt", "gte", "in", "icontains", "startswith")}
    assert wanted | {"label", "submitter_id__isnull", "q", "sort", "expand", "deleted"} < parameters.keys()


def test_export_has_the_examples_of_the_list() -> None:
    listed = parameters_of(PATH)
    for name, one in parameters_of(f"{PATH}/export").items():
        if name != "format":
            assert one["schema"].get("examples") == listed[name]["schema"].get("examples"), name


def test_examples_of_openapi_are_served(client: TestClient, superuser: User) -> None:
    for path in (PATH, "/api/v1/users"):
        for name, one in parameters_of(path).items():
            for example in one["schema"].get("examples", ()):
                value = [*map(as_parameter, example)] if isinstance(example, list) else as_parameter(example)
                answer = client.get(path, params={name: value}, headers=as_user(superuser))
                assert answer.status_code == 200, (name, answer.text)


def test_openapi_tells_the_bounds() -> None:
    parameters = parameters_of(PATH)
    assert parameters["label__in"]["schema"]["maxItems"] == MAX_IN
    assert parameters["limit"]["schema"]["maximum"] == 100
    assert parameters["submitter_id"]["schema"]["type"] == "integer"
    assert parameters["created_at__gt"]["schema"]["format"] == "date-time"
    assert "Link" in app.openapi()["paths"][PATH]["get"]["responses"]["200"]["headers"]
