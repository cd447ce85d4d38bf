"""The HTTP contract, as recipes keep it. What holds for one resource holds for all: it is written once."""

from collections.abc import Callable
from datetime import datetime

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from app import crud
from app.models import Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.conftest import as_user

SOUP = {"label": "Pea soup", "source": "Grandmother", "url": "https://example.com/pea-soup"}
PATH = "/api/v1/recipes"


@pytest.fixture
def recipe(session: Session, user: User) -> Recipe:
    recipe = crud.recipe.create(session, RecipeCreate.model_validate(SOUP), user)
    session.commit()
    return recipe


@pytest.fixture
def add(session: Session) -> Callable[..., None]:
    def add(*labels: str, source: str = "Grandmother") -> None:
        for label in labels:
            data = RecipeCreate(label=label, source=source, url="https://example.com/")
            crud.recipe.create(session, data)
        session.commit()

    return add


def labels(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["label"] for item in response.json()["items"]]


def assert_problem(response: Response, status: int, *pointers: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert {"type", "title", "detail", "instance", "request_id"} <= problem.keys()
    assert problem["request_id"] == response.headers["X-Request-ID"]
    if pointers:
        assert [error["pointer"] for error in problem["errors"]] == list(pointers)


# Create


def test_created_recipe_is_found_where_location_says(client: TestClient, user: User) -> None:
    created = client.post(PATH, json=SOUP, headers=as_user(user))
    assert created.status_code == 201, created.text
    assert created.json() | SOUP | {"submitter_id": user.id, "version": 1} == created.json()
    assert created.headers["Location"] == f"{PATH}/{created.json()['id']}"
    assert client.get(created.headers["Location"]).json() == created.json()


def test_times_are_utc_with_an_offset(client: TestClient, recipe: Recipe) -> None:
    created_at = client.get(f"{PATH}/{recipe.id}").json()["created_at"]
    assert created_at.endswith("Z")
    assert datetime.fromisoformat(created_at) == recipe.created_at


def test_text_is_trimmed_and_kept(client: TestClient, user: User) -> None:
    soup = SOUP | {"label": "  Crème brûlée à la Française 🍮 "}
    assert client.post(PATH, json=soup, headers=as_user(user)).json()["label"] == "Crème brûlée à la Française 🍮"


def test_longest_values_fit(client: TestClient, user: User) -> None:
    longest = {"label": "ä" * 256, "source": "ß" * 256, "url": "https://example.com/".ljust(2048, "x")}
    created = client.post(PATH, json=longest, headers=as_user(user))
    assert created.json() | longest == created.json()


@pytest.mark.parametrize("field", ["id", "version", "created_at", "updated_at", "submitter_id", "owner", "__class__"])
def test_what_the_server_decides_cannot_be_sent(client: TestClient, user: User, recipe: Recipe, field: str) -> None:
    body = SOUP | {field: 1}
    assert_problem(client.post(PATH, json=body, headers=as_user(user)), 422, f"/{field}")
    assert_problem(client.put(f"{PATH}/{recipe.id}", json=body, headers=as_user(user)), 422, f"/{field}")
    assert_problem(client.patch(f"{PATH}/{recipe.id}", json={field: 1}, headers=as_user(user)), 422, f"/{field}")


# Change


def test_patch_changes_only_what_was_sent(client: TestClient, user: User, recipe: Recipe) -> None:
    before = client.get(f"{PATH}/{recipe.id}").json()
    after = client.patch(f"{PATH}/{recipe.id}", json={"label": "Bean soup"}, headers=as_user(user)).json()
    assert after == before | {"label": "Bean soup", "version": 2, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert client.get(f"{PATH}/{recipe.id}").json() == after


def test_empty_patch_changes_nothing(client: TestClient, user: User, recipe: Recipe) -> None:
    before = client.get(f"{PATH}/{recipe.id}").json()
    assert client.patch(f"{PATH}/{recipe.id}", json={}, headers=as_user(user)).json() == before


@pytest.mark.parametrize("field", ["label", "source", "url"])
def test_null_is_refused_where_the_column_has_none(client: TestClient, user: User, recipe: Recipe, field: str) -> None:
    assert_problem(client.patch(f"{PATH}/{recipe.id}", json={field: None}, headers=as_user(user)), 422, f"/{field}")


def test_put_replaces_all_writable_fields(client: TestClient, user: User, recipe: Recipe) -> None:
    stew = {"label": "Stew", "source": "Aunt", "url": "http://example.org/"}
    after = client.put(f"{PATH}/{recipe.id}", json=stew, headers=as_user(user))
    assert after.json() | stew | {"id": recipe.id, "version": 2, "submitter_id": user.id} == after.json()
    assert_problem(client.put(f"{PATH}/{recipe.id}", json={"label": "x"}, headers=as_user(user)), 422)


def test_deleted_recipe_is_gone(client: TestClient, user: User, recipe: Recipe) -> None:
    deleted = client.delete(f"{PATH}/{recipe.id}", headers=as_user(user))
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert_problem(client.get(f"{PATH}/{recipe.id}"), 404)
    assert_problem(client.delete(f"{PATH}/{recipe.id}", headers=as_user(user)), 404)


# Who may


def test_only_submitter_and_superuser_change(
    client: TestClient, recipe: Recipe, make_user: Callable[..., User], superuser: User
) -> None:
    path = f"{PATH}/{recipe.id}"
    stranger = as_user(make_user("stranger"))
    for method, body in [("PATCH", {"label": "Mine"}), ("PUT", SOUP), ("PATCH", {}), ("DELETE", None)]:
        assert_problem(client.request(method, path, json=body, headers=stranger), 403)
        anonymous = client.request(method, path, json=body)
        assert_problem(anonymous, 401)
        assert anonymous.headers["WWW-Authenticate"] == "Bearer"
    assert_problem(client.post(PATH, json=SOUP), 401)
    assert client.patch(path, json={"label": "Ours"}, headers=as_user(superuser)).json()["label"] == "Ours"
    assert client.delete(path, headers=as_user(superuser)).status_code == 204


def test_recipe_outlives_its_submitter(client: TestClient, recipe: Recipe, user: User, superuser: User) -> None:
    assert client.delete(f"/api/v1/users/{user.id}", headers=as_user(superuser)).status_code == 204
    assert client.get(f"{PATH}/{recipe.id}").json()["submitter_id"] is None


# List


def test_pages_hold_every_row_once(client: TestClient, add: Callable[..., None]) -> None:
    add(*"abcdefg")
    pages = [labels(client.get(PATH, params={"limit": 3, "offset": offset})) for offset in (0, 3, 6, 9)]
    assert pages == [["a", "b", "c"], ["d", "e", "f"], ["g"], []]


def test_links_lead_through_the_pages(client: TestClient, add: Callable[..., None]) -> None:
    add(*"abcde")
    url, seen = f"{PATH}?limit=2&q=grandmother&sort=-label", []
    while url:
        page = client.get(url)
        seen += labels(page)
        url = page.links.get("next", {}).get("url", "")
    assert seen == ["e", "d", "c", "b", "a"]
    assert labels(client.get(page.links["first"]["url"])) == ["e", "d"]


def test_links_count_rows_for_who_counts_rows(client: TestClient, add: Callable[..., None]) -> None:
    add(*"abcde")
    middle = client.get(f"{PATH}?limit=2&offset=2")
    assert labels(client.get(middle.links["next"]["url"])) == ["e"]
    assert labels(client.get(middle.links["prev"]["url"])) == ["a", "b"]
    assert labels(client.get(middle.links["first"]["url"])) == ["a", "b"]


def test_default_page_has_twenty(client: TestClient, add: Callable[..., None]) -> None:
    add(*(f"{number}" for number in range(25)))
    assert len(labels(client.get(PATH))) == 20


def test_total_is_counted_only_on_demand(client: TestClient, add: Callable[..., None]) -> None:
    add(*"abc", "Stew")
    assert client.get(PATH).json()["total"] is None
    counted = client.get(PATH, params={"count": "exact", "limit": 1, "label__icontains": "stew"})
    assert (labels(counted), counted.json()["total"]) == (["Stew"], 1)


def test_sort_is_total(client: TestClient, add: Callable[..., None]) -> None:
    add("b", "a", "b", "a")
    by_label = client.get(PATH, params={"sort": "-label"}).json()["items"]
    assert [item["label"] for item in by_label] == ["b", "b", "a", "a"]
    ids = [item["id"] for item in by_label]
    assert ids[0] > ids[1]
    assert ids[2] > ids[3]


def test_sort_takes_several_columns(client: TestClient, add: Callable[..., None]) -> None:
    add("b", "a", source="Aunt")
    add("a", "b", source="Uncle")
    items = client.get(PATH, params={"sort": "-source,label"}).json()["items"]
    assert [(item["source"], item["label"]) for item in items] == [
        ("Uncle", "a"),
        ("Uncle", "b"),
        ("Aunt", "a"),
        ("Aunt", "b"),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"label": "Pea soup"}, ["Pea soup"]),
        ({"label": "pea soup"}, []),
        ({"label__icontains": "SOUP"}, ["Pea soup", "Soupe à la Française"]),
        ({"label__icontains": "française"}, ["Soupe à la Française"]),
        ({"label__icontains": "FRANÇAISE"}, ["Soupe à la Française"]),
        ({"q": "FRANÇAISE"}, ["Soupe à la Française"]),
        ({"q": "soup grand"}, ["Pea soup", "Soupe à la Française"]),
        ({"q": "soup aunt"}, []),
        ({"label__icontains": "%"}, ["100 % rye"]),
        ({"label__icontains": "_"}, ["snake_bread"]),
        ({"label__icontains": "/"}, []),
        ({"q": "_"}, ["snake_bread"]),
        ({"q": "%"}, ["100 % rye"]),
        ({"label__icontains": "\\"}, []),
        ({"source": "Grandmother", "label": "Pea soup"}, ["Pea soup"]),
        ({"source": "Aunt"}, []),
        ({"id": "9007199254740991"}, []),
        ({"created_at": "2020-01-01T00:00:00+02:00"}, []),
    ],
)
def test_filters_find_what_they_say(
    client: TestClient, add: Callable[..., None], query: dict[str, str], found: list[str]
) -> None:
    add("Pea soup", "Soupe à la Française", "100 % rye", "snake_bread")
    assert labels(client.get(PATH, params=query)) == found


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1e2",
        "limit=" + "9" * 400,
        "offset=-1",
        "offset=" + "1" + "0" * 30,
        "offset=nan",
        "sort=color",
        "sort=hashed_password",
        "sort=label,",
        "sort=--label",
        "sort=label;drop",
        "sort=label,label,label,label,label",
        "q=",
        "q=%20",
        "q=%00",
        "q=" + "x" * 101,
        "count=1",
        "label=%00",
        "label__icontains=" + "x" * 2049,
        "label__regex=x",
        "label__=x",
        "submitter_id=x",
        "submitter_id=" + "9" * 400,
        "submitter=1",
        "created_at=yesterday",
        "created_at=2020-01-01T00:00:00",
        "created_at=0001-01-01T00:00:00%2B14:00",
        "page=2",
        "LIMIT=2",
    ],
)
def test_bad_list_parameter_is_422(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"{PATH}?{query}"), 422)


# The tutorial's old search


def test_tutorial_search_answers_results(client: TestClient, add: Callable[..., None]) -> None:
    add("Chicken Vesuvio", "Chicken Paprikash", "Tofu Curry")
    found = client.get(f"{PATH}/search", params={"keyword": "chicken", "max_results": 1}).json()
    assert [result["label"] for result in found["results"]] == ["Chicken Vesuvio"]
    assert len(client.get(f"{PATH}/search", params={"keyword": "chicken"}).json()["results"]) == 2
    assert client.get(f"{PATH}/search", params={"keyword": "beef"}).json() == {"results": []}


@pytest.mark.parametrize("query", ["", "keyword=ab", "keyword=abc&max_results=0", "keyword=abc&max_results=101"])
def test_tutorial_search_refuses_what_it_cannot_do(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"{PATH}/search?{query}"), 422)


# HTTP


def test_trailing_slash_is_the_same_path(client: TestClient, user: User, recipe: Recipe) -> None:
    for path in (PATH, f"{PATH}/{recipe.id}"):
        assert client.get(f"{path}/", follow_redirects=False).json() == client.get(path).json()
    created = client.post(f"{PATH}/", json=SOUP, headers=as_user(user), follow_redirects=False)
    assert created.headers["Location"] == f"{PATH}/{created.json()['id']}"


def test_head_is_get_without_a_body(client: TestClient, recipe: Recipe) -> None:
    for path in (PATH, f"{PATH}/{recipe.id}", "/health/live", "/"):
        get, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", PATH, "GET, HEAD, POST"),
        ("POST", f"{PATH}/1", "DELETE, GET, HEAD, PATCH, PUT"),
        ("PATCH", f"{PATH}/search", "GET, HEAD"),
        ("DELETE", f"{PATH}/ideas", "GET, HEAD"),
        ("GET", "/api/v1/auth/login", "POST"),
        ("TRACE", f"{PATH}/", "GET, HEAD, POST"),
        ("BREW", "/health/live", "GET, HEAD"),
    ],
)
def test_405_allows_what_the_path_allows(client: TestClient, method: str, path: str, allowed: str) -> None:
    refused = client.request(method, path)
    assert_problem(refused, 405)
    assert refused.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/recipe", f"{PATH}/1/2", f"{PATH}/abc", "/api/v2/recipes"])
def test_unknown_path_is_404(client: TestClient, path: str) -> None:
    assert_problem(client.get(path, headers={"Accept": "text/html"}), 404)


@pytest.mark.parametrize("id", ["0", "-1", "9007199254740992", "9223372036854775808", "9" * 400, "9" * 5000])
def test_impossible_id_is_422(client: TestClient, id: str) -> None:
    assert_problem(client.get(f"{PATH}/{id}"), 422, "path/id")


def test_missing_recipe_is_404(client: TestClient, user: User) -> None:
    for method, body in [
        ("GET", None),
        ("PATCH", {"label": "x"}),
        ("PATCH", {}),
        ("PUT", SOUP),
        ("DELETE", None),
    ]:
        assert_problem(client.request(method, f"{PATH}/{2**53 - 1}", json=body, headers=as_user(user)), 404)
