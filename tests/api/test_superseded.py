"""Routes that have a better one say so, in headers and in OpenAPI."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient

from app.api.routing import Router
from app.api.superseded import Superseded
from app.main import app
from app.models import User
from tests.api.test_recipes import PATH, SOUP
from tests.conftest import as_user

SEARCH = f"{PATH}/search?keyword=soup"


def test_headers_are_as_the_standards_have_them(client: TestClient) -> None:
    headers = client.get(SEARCH).headers
    # RFC 9745: a Date of structured fields (RFC 9651), seconds since 1970 behind an @.
    assert re.fullmatch(r"@\d+", headers["Deprecation"])
    since = datetime.fromtimestamp(int(headers["Deprecation"][1:]), UTC)
    # RFC 8594: an HTTP-date (RFC 9110), which is in GMT; not before the deprecation (RFC 9745, section 4).
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["Sunset"])
    assert parsedate_to_datetime(headers["Sunset"]) > since
    # RFC 8288, with the relation of RFC 5829.
    assert headers["Link"] == f'<{PATH}?q=>; rel="successor-version"'


def test_successor_answers_what_the_old_one_did(client: TestClient, user: User) -> None:
    client.post(PATH, json=SOUP, headers=as_user(user))
    old = client.get(SEARCH)
    successor = old.links["successor-version"]["url"]
    assert client.get(f"{successor}soup").json()["items"] == old.json()["results"]


def test_other_routes_do_not_say_so(client: TestClient) -> None:
    assert not {"Deprecation", "Sunset"} & set(client.get(f"{PATH}?q=soup").headers)


def test_openapi_marks_it_and_nothing_else() -> None:
    operations = [operation for path in app.openapi()["paths"].values() for operation in path.values()]
    assert [one["operationId"] for one in operations if one.get("deprecated")] == ["recipes_search"]


def test_any_route_can_say_so() -> None:
    router = Router("/old", tags=["old"])
    superseded = Superseded(by="/new", since="2026-01-01", sunset="2027-01-01")

    @router.get("/sync")
    @superseded
    def sync() -> dict[str, int]:
        return {"a": 1}

    @router.post("/async", status_code=201)
    @superseded
    async def asynchronous() -> dict[str, int]:
        return {"a": 2}

    @router.delete("/response", status_code=204)
    @superseded
    def response() -> Response:
        return Response(status_code=204, headers={"Link": '</other>; rel="next"'})

    small = FastAPI()
    small.include_router(router)
    client = TestClient(small)
    for method, path in [("GET", "/old/sync"), ("POST", "/old/async"), ("DELETE", "/old/response")]:
        answer = client.request(method, path)
        assert answer.is_success
        assert answer.headers["Deprecation"] == "@1767225600"
        assert answer.headers["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
        assert answer.links["successor-version"]["url"] == "/new"
        assert small.openapi()["paths"][path][method.lower()]["deprecated"] is True
    assert answer.links["next"]["url"] == "/other"


@pytest.mark.parametrize(
    ("since", "sunset", "reason"),
    [("soon", "2027-01-01", "isoformat"), ("2027-01-01", "2026-01-01", "sunset comes before")],
)
def test_nonsense_is_refused_at_once(since: str, sunset: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Superseded(by="/new", since=since, sunset=sunset)


def test_keyword_is_as_long_as_it_was_sent(client: TestClient) -> None:
    assert client.get("/api/v1/recipes/search", params={"keyword": "a  "}).status_code == 200
    assert client.get("/api/v1/recipes/search", params={"keyword": "   "}).status_code == 422
    assert client.get("/api/v1/recipes/search", params={"keyword": "a "}).status_code == 422
