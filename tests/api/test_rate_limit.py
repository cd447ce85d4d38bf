"""So many requests and no more, whoever counts as one; and who is limited hears how he stands."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Form
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import BaseModel

from app.api import errors
from app.api.rate_limit import RateLimit, caller, check_names, field
from app.api.routing import Router
from app.contract.changes import operations
from app.core.config import settings
from app.core.security import AccessToken, write_access_token
from app.main import app as larder
from app.middleware.lane import Lane
from app.middleware.request_context import RequestContext
from tests.api.test_recipes import assert_problem
from tests.support.clock import Clock

pytestmark = pytest.mark.usefixtures("limits")


class Letter(BaseModel):
    email: str
    count: int = 0


by_email = RateLimit("2/hour", by=field("email"), name="letters")
router = Router("/tea", tags=["tea"])


@router.get("", dependencies=[Depends(RateLimit("3/minute"))])
def tea() -> str:
    return "tea"


@router.get("/green", dependencies=[Depends(RateLimit("3/minute"))])
async def green() -> str:
    return "green"


@router.get("/mine", dependencies=[Depends(RateLimit("2/minute", by=caller, name="mine"))])
def mine() -> str:
    return "mine"


@router.post("/letter", dependencies=[Depends(by_email)])
def letter(letter: Letter) -> str:
    return "sent"


@router.post("/form", dependencies=[Depends(by_email)])
def form(letter: Annotated[Letter, Form()]) -> str:
    return "sent"


@router.get(
    "/both", dependencies=[Depends(RateLimit("5/second", name="burst")), Depends(RateLimit("9/day", name="day"))]
)
def both() -> str:
    return "both"


app = FastAPI()
app.add_middleware(Lane, service=app)
app.add_middleware(RequestContext)
app.include_router(router)
errors.install(app)


def client(address: str = "203.0.113.7") -> TestClient:
    return TestClient(app, client=(address, 50000))


def statuses(number: int, path: str, address: str = "203.0.113.7", **options: Any) -> list[int]:
    method = "POST" if options.keys() & {"json", "data", "content"} else "GET"
    return [client(address).request(method, path, **options).status_code for _ in range(number)]


POLICY = re.compile(r'"([\w /.-]+)";q=(\d+);w=(\d+)')
STANDING = re.compile(r'"([\w /.-]+)";r=(\d+);t=(\d+)')


def standing(answer: Response) -> list[tuple[str, int, int, int]]:
    """Name, limit, what is left, and seconds, for each policy."""
    policies = [POLICY.fullmatch(one) for one in answer.headers.get_list("RateLimit-Policy")]
    standings = [STANDING.fullmatch(one) for one in answer.headers.get_list("RateLimit")]
    both = [(one, other) for one, other in zip(policies, standings, strict=True) if one and other]
    assert len(both) == len(policies)
    assert all(one[1] == other[1] for one, other in both)
    return [(one[1], int(one[2]), int(other[2]), int(other[3])) for one, other in both]


@pytest.mark.parametrize("path", ["/tea", "/tea/green"])
def test_one_too_many_is_429_and_says_how_long_to_wait(limits: Clock, path: str) -> None:
    for left in (2, 1, 0):
        answer = client().get(path)
        assert answer.status_code == 200
        [(name, limit, was_left, seconds)] = standing(answer)
        assert (name, limit, was_left) == (f"GET {path}", 3, left)
        assert 1 <= seconds <= 60
    answer = client().get(path)
    assert_problem(answer, 429)
    [(_, _, was_left, seconds)] = standing(answer)
    assert was_left == 0
    assert 1 <= seconds <= 60
    assert answer.headers["Retry-After"] == f"{seconds}"
    assert answer.headers["RateLimit-Policy"] == f'"GET {path}";q=3;w=60'
    limits.now += seconds
    assert client().get(path).status_code == 200


def test_operations_without_a_name_count_for_themselves() -> None:
    assert statuses(4, "/tea") == [200, 200, 200, 429]
    assert statuses(4, "/tea/green") == [200, 200, 200, 429]


def test_each_source_counts_for_itself() -> None:
    assert statuses(4, "/tea", "203.0.113.7") == [200, 200, 200, 429]
    assert statuses(1, "/tea", "203.0.113.8") == [200]
    assert statuses(1, "/tea", "::ffff:203.0.113.7") == [429], "the same address, written for IPv6"


def test_who_has_an_ipv6_network_has_one_source() -> None:
    assert statuses(3, "/tea", "2001:db8:0:1::1") == [200, 200, 200]
    assert statuses(1, "/tea", "2001:db8:0:1:ffff:ffff:ffff:ffff") == [429]
    assert statuses(1, "/tea", "2001:db8:0:2::1") == [200]
    assert statuses(1, "/tea", "::1") == [200]


def test_callers_count_wherever_they_are() -> None:
    tokens = [write_access_token(AccessToken(user_id, session_id=1))[0] for user_id in (1, 2)]
    ann, bob = ({"Authorization": f"Bearer {token}"} for token in tokens)
    assert statuses(2, "/tea/mine", "203.0.113.1", headers=ann) == [200, 200]
    assert statuses(1, "/tea/mine", "203.0.113.2", headers=ann) == [429]
    assert statuses(1, "/tea/mine", "203.0.113.2", headers=bob) == [200]
    assert statuses(3, "/tea/mine", "203.0.113.2") == [200, 200, 429], "nobody is where he is"
    assert statuses(1, "/tea/mine", headers={"Authorization": "Bearer nonsense"}) == [401]


def test_field_counts_without_regard_to_case_in_json_and_in_forms() -> None:
    assert statuses(1, "/tea/letter", json={"email": "ann@example.com"}) == [200]
    assert statuses(1, "/tea/form", "203.0.113.8", data={"email": "ANN@example.com"}) == [200]
    assert statuses(1, "/tea/letter", json={"email": "Ann@example.com"}) == [429]
    assert statuses(1, "/tea/form", data={"email": "ann@EXAMPLE.com"}) == [429]
    assert statuses(1, "/tea/letter", json={"email": "bob@example.com"}) == [200]


@pytest.mark.parametrize("kind", ["application/json", "application/form+json", "application/x-form-data+json"])
def test_no_type_of_json_gets_past_the_field(kind: str) -> None:
    body: Any = {"content": b'{"email": "ann@example.com"}', "headers": {"Content-Type": kind}}
    assert statuses(3, "/tea/letter", **body) == [200, 200, 429]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"1", b"null", b'{"email": 1}', b'{"email": null}', b"\xff", b"[" * 100_000]
)
def test_body_without_the_field_is_no_5xx(content: bytes) -> None:
    answer = client().post("/tea/letter", content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.status_code != 429


def test_lone_surrogate_counts_too() -> None:
    body: Any = {"content": rb'{"email": "\ud800"}', "headers": {"Content-Type": "application/json"}}
    assert 429 in statuses(3, "/tea/letter", **body)


def test_who_is_refused_for_another_reason_hears_it_too() -> None:
    answer = client().post("/tea/letter", json={"email": "ann@example.com", "count": "many"})
    assert answer.status_code == 422
    assert [one[:3] for one in standing(answer)] == [("letters", 2, 1)]


def test_each_of_several_limits_says_how_it_stands() -> None:
    answers = [client().get("/tea/both") for _ in range(6)]
    assert [one[:3] for one in standing(answers[0])] == [("burst", 5, 4), ("day", 9, 8)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert [one[:3] for one in standing(answers[5])] == [("burst", 5, 0)]


# Settings


@pytest.fixture
def set_limits() -> Iterator[dict[str, str]]:
    before = dict(settings.RATE_LIMITS)
    yield settings.RATE_LIMITS
    settings.RATE_LIMITS.clear()
    settings.RATE_LIMITS.update(before)


def test_settings_change_a_limit_by_its_name(set_limits: dict[str, str]) -> None:
    set_limits |= {"GET /tea": "1/hour", "mine": "off"}
    assert statuses(2, "/tea") == [200, 429]
    answer = client().get("/tea/mine")
    assert "RateLimit" not in answer.headers
    assert statuses(5, "/tea/mine") == [200] * 5
    set_limits |= {"*": "off"}
    assert statuses(5, "/tea/green") == [200] * 5
    assert statuses(1, "/tea") == [429], "a name goes first"


def test_misspelt_limit_does_not_start(set_limits: dict[str, str]) -> None:
    check_names()
    set_limits["sing-in"] = "1/hour"
    with pytest.raises(SystemExit, match=r"RATE_LIMITS knows no sing-in"):
        check_names()


# Documentation


def limited() -> dict[str, dict[str, Any]]:
    """Those that may be asked for only so often; of a stream, only so many may be open at once."""
    return {
        operation["operationId"]: operation["responses"]
        for operation in operations(larder.openapi()).values()
        if "429" in operation["responses"] and operation["operationId"] != "comments_stream"
    }


def test_limits_are_documented_where_they_are() -> None:
    documented = limited()
    assert documented.keys() >= {"auth_login", "auth_signup"}
    for responses in documented.values():
        success = next(responses[code] for code in responses if code.startswith(("2", "3")))
        assert success["headers"].keys() >= {"RateLimit", "RateLimit-Policy"}
        assert responses["429"]["headers"].keys() == {"RateLimit", "RateLimit-Policy", "Retry-After"}
        assert responses["429"]["content"].keys() == {"application/problem+json"}
