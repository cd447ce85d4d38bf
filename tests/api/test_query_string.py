"""A parameter that nobody takes, or that comes twice, is a mistake and said to be one."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app import crud
from app.models import Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import as_user


@pytest.fixture
def recipe(session: Session, user: User) -> Recipe:
    recipe = crud.recipe.create(session, RecipeCreate.model_validate(SOUP), user)
    session.commit()
    return recipe


@pytest.mark.parametrize(
    "operation",
    [
        ("GET", PATH, None),
        ("POST", PATH, SOUP),
        ("GET", "{one}", None),
        ("PATCH", "{one}", {"label": "Stew"}),
        ("PUT", "{one}", SOUP),
        ("DELETE", "{one}", None),
        ("POST", "{one}/restore", None),
        ("POST", f"{PATH}/batch", {"items": [SOUP]}),
        ("GET", f"{PATH}/export", None),
        ("GET", "/api/v1/users", None),
        ("GET", "/api/v1/auth/me", None),
        ("POST", "/api/v1/auth/signup", {"email": "eve@example.com", "password": "correct horse battery"}),
    ],
)
def test_parameter_that_the_path_does_not_know_is_422(
    client: TestClient, user: User, recipe: Recipe, operation: tuple[str, str, Any]
) -> None:
    method, path, body = operation
    one = f"{PATH}/{recipe.id}"
    answer = client.request(method, f"{path.format(one=one)}?x=1&y", json=body, headers=as_user(user))
    assert_problem(answer, 422, "query/x", "query/y")
    assert client.get(one).json()["version"] == 1


def test_path_parameters_and_headers_are_not_query_parameters(client: TestClient, recipe: Recipe) -> None:
    assert_problem(client.get(f"{PATH}/{recipe.id}?id=1"), 422, "query/id")
    assert_problem(client.get(f"{PATH}/{recipe.id}?If-Match=1"), 422, "query/If-Match")


@pytest.mark.parametrize(
    "query",
    [
        "limit=1&limit=2",
        "q=a&q=a",
        "label=a&label=b",
        "sort=id&sort=label",
        "cursor=&cursor=",
        "expand=submitter&expand=",
    ],
)
def test_parameter_that_comes_twice_is_422(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"{PATH}?{query}"), 422, "query/" + query.partition("=")[0])


def test_list_may_come_often(client: TestClient) -> None:
    assert client.get(f"{PATH}?id__in=1&id__in=2&label__in=a&label__in=a").status_code == 200


def test_strange_names_make_no_strange_answer(client: TestClient) -> None:
    many = "&".join("x" * 120 + str(number) for number in range(500))
    for query in (many, "%00=1", "%ff=1", "%ed%a0%80", "\u00fc=1", "=1", "&&;=&"):
        answer = client.get(f"{PATH}/1?{query}")
        assert_problem(answer, 422)
        assert len(answer.content) < 5_000


def test_pages_and_probes_bear_whatever_a_link_adds(client: TestClient) -> None:
    for path in ("/", "/docs", "/health/live"):
        assert client.get(f"{path}?utm_source=newsletter").status_code == 200
