"""Comments: below a recipe, by somebody, from somewhere; and what any resource below another one keeps."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import crud
from app.models import Comment, Recipe, User
from app.schemas.comment import CommentCreate
from app.schemas.recipe import RecipeCreate
from tests.api.test_recipes import SOUP, assert_problem
from tests.conftest import as_user, with_key
from tests.support.clock import Clock

Make = Callable[..., Any]


@pytest.fixture
def make_recipe(session: Session, user: User) -> Make:
    """Makes recipes, of the user unless told otherwise."""

    def make(submitter: User | None = user) -> Recipe:
        recipe = crud.recipe.create(session, RecipeCreate.model_validate(SOUP), submitter)
        session.commit()
        return recipe

    return make


@pytest.fixture
def recipe(make_recipe: Make) -> Recipe:
    made: Recipe = make_recipe()
    return made


@pytest.fixture
def comment_on(session: Session) -> Make:
    def comment(recipe: Recipe, author: User | None, text: str = "Good.") -> Comment:
        made = crud.comment.within(recipe_id=recipe.id).create(session, CommentCreate(text=text), author)
        session.commit()
        return made

    return comment


@pytest.fixture
def comment(recipe: Recipe, make_user: Make, comment_on: Make) -> Comment:
    """Somebody's, on the user's recipe."""
    made: Comment = comment_on(recipe, make_user("bob"))
    return made


def path_of(recipe: Recipe, comment: Comment | None = None) -> str:
    path = f"/api/v1/recipes/{recipe.id}/comments"
    return f"{path}/{comment.id}" if comment else path


def test_comment_is_found_where_location_says(client: TestClient, make_user: Make, recipe: Recipe) -> None:
    author = make_user("bob", first_name="Bob")
    created = client.post(path_of(recipe), json={"text": "With mint it is better."}, headers=as_user(author))
    assert created.status_code == 201, created.text
    told = {"recipe_id": recipe.id, "author_id": author.id, "text": "With mint it is better.", "version": 1}
    assert created.json() | told == created.json()
    assert created.json().keys() - told.keys() == {"id", "created_at", "updated_at"}
    one = client.get(created.headers["Location"])
    assert one.json() == created.json()
    assert one.headers["ETag"] == created.headers["ETag"] == '"1"'
    page = client.get(path_of(recipe), params={"expand": "author", "count": "exact"}).json()
    assert page["total"] == 1
    assert page["items"][0]["author"] == {"id": author.id, "first_name": "Bob", "surname": None}


@pytest.mark.parametrize("text", ["x", "é" * 5000, "<script>alert(1)</script>\r\n\t& so on ", " two\n\nlines "])
def test_text_is_kept_as_it_was_sent(client: TestClient, user: User, recipe: Recipe, text: str) -> None:
    created = client.post(path_of(recipe), json={"text": text}, headers=as_user(user))
    assert created.status_code == 201, created.text
    assert client.get(created.headers["Location"]).json()["text"] == text


@pytest.mark.parametrize("text", ["", " \r\n\t ", "\u2003", "x" * 5001, "\0", "\ud800", None, 5, ["x"]])
def test_text_that_is_none_or_too_long_is_refused(
    client: TestClient, session: Session, user: User, recipe: Recipe, text: object
) -> None:
    headers = as_user(user) | {"Content-Type": "application/json"}
    assert_problem(client.post(path_of(recipe), content=json.dumps({"text": text}), headers=headers), 422, "/text")
    assert session.scalar(select(func.count()).select_from(Comment)) == 0


# Below a recipe


def test_list_has_the_comments_of_its_recipe_alone(
    client: TestClient, user: User, make_recipe: Make, comment_on: Make
) -> None:
    here, there = make_recipe(), make_recipe()
    for number in range(5):
        comment_on(here, user, f"Here {number}")
        comment_on(there, user, f"There {number}")
    path: str | None = f"{path_of(here)}?limit=2&count=exact&sort=-id"
    seen: list[str] = []
    while path:
        page = client.get(path)
        assert page.json()["total"] == 5
        seen += [item["text"] for item in page.json()["items"]]
        path = page.links.get("next", {}).get("url")
    assert seen == [f"Here {number}" for number in reversed(range(5))]
    found = client.get(path_of(here), params={"q": "there", "count": "exact"}).json()
    assert (found["items"], found["total"]) == ([], 0)


def test_cursor_belongs_to_its_recipe(client: TestClient, user: User, make_recipe: Make, comment_on: Make) -> None:
    here, there = make_recipe(), make_recipe()
    for recipe in (here, there) * 2:
        comment_on(recipe, user)
    cursor = client.get(path_of(here), params={"limit": 1}).json()["next_cursor"]
    assert len(client.get(path_of(here), params={"limit": 1, "cursor": cursor}).json()["items"]) == 1
    assert_problem(client.get(path_of(there), params={"limit": 1, "cursor": cursor}), 400, "query/cursor")


@pytest.fixture(params=["unknown", "deleted", "other"])
def elsewhere(request: pytest.FixtureRequest, session: Session, user: User, make_recipe: Make) -> int:
    """A recipe that is not there, or one that the comment does not belong to."""
    recipe: Recipe = make_recipe()
    if request.param == "deleted":
        crud.recipe.remove(session, recipe.id, user)
        session.commit()
    return recipe.id + (1000 if request.param == "unknown" else 0)


def test_nothing_is_found_or_done_below_another_recipe(
    client: TestClient, session: Session, superuser: User, comment: Comment, elsewhere: int
) -> None:
    place = f"/api/v1/recipes/{elsewhere}/comments"
    author = session.get_one(User, comment.author_id)
    for caller in (author, superuser):
        headers = as_user(caller)
        assert_problem(client.get(f"{place}/{comment.id}", headers=headers), 404)
        assert_problem(client.get(f"{place}/{comment.id}?expand=author", headers=headers), 404)
        assert_problem(client.patch(f"{place}/{comment.id}", json={"text": "Bad."}, headers=headers), 404)
        assert_problem(client.put(f"{place}/{comment.id}", json={"text": "Bad."}, headers=headers), 404)
        assert_problem(client.delete(f"{place}/{comment.id}", headers=headers), 404)
    session.expire_all()
    assert [(one.version, one.text) for one in session.scalars(select(Comment))] == [(1, "Good.")]


@pytest.mark.parametrize("elsewhere", ["unknown", "deleted"], indirect=True)
def test_recipe_that_is_not_there_has_no_comments(
    client: TestClient, session: Session, user: User, elsewhere: int
) -> None:
    place = f"/api/v1/recipes/{elsewhere}/comments"
    for answer in (client.get(place), client.post(place, json={"text": "Good."}, headers=as_user(user))):
        assert_problem(answer, 404)
        assert answer.json()["detail"] == "There is no such recipe"
    assert session.scalar(select(func.count()).select_from(Comment)) == 0


@pytest.mark.parametrize("recipe_id", ["0", "-1", "9" * 30])
def test_key_that_no_recipe_can_have_is_422(client: TestClient, recipe_id: str) -> None:
    assert_problem(client.get(f"/api/v1/recipes/{recipe_id}/comments"), 422, "path/recipe_id")


def test_comment_keeps_the_contract_of_a_row(client: TestClient, user: User, recipe: Recipe, comment_on: Make) -> None:
    path, headers = path_of(recipe, comment_on(recipe, user)), as_user(user)
    assert client.get(path, headers={"If-None-Match": '"1"'}).status_code == 304
    assert client.patch(path, json={"text": "Better."}, headers=headers | {"If-Match": '"1"'}).status_code == 200
    assert_problem(client.patch(path, json={"text": "Worse."}, headers=headers | {"If-Match": '"1"'}), 412)
    assert client.get(path).json()["text"] == "Better."
    once = headers | {"Idempotency-Key": "once"}
    first, second = (client.post(path_of(recipe), json={"text": "Once."}, headers=once) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"


def test_comments_are_not_many_at_once(client: TestClient, user: User, recipe: Recipe) -> None:
    for method, path in (("POST", "batch"), ("POST", "import"), ("GET", "export")):
        assert_problem(client.request(method, f"{path_of(recipe)}/{path}", headers=as_user(user)), 404)


# Who may


def test_author_changes_his_words_and_nobody_else(
    client: TestClient, session: Session, make_user: Make, recipe: Recipe, comment: Comment
) -> None:
    path = path_of(recipe, comment)
    submitter, author = (session.get_one(User, id) for id in (recipe.submitter_id, comment.author_id))
    for caller in (submitter, make_user("root", is_superuser=True), make_user("eve")):
        assert_problem(client.patch(path, json={"text": "Bad."}, headers=as_user(caller)), 403)
    assert client.patch(path, json={"text": "Better."}, headers=as_user(author)).json()["text"] == "Better."


@pytest.mark.parametrize("who", ["author", "submitter", "superuser", "editor", "eve"])
def test_comment_is_removed_by_author_submitter_or_superuser(
    client: TestClient, make_user: Make, make_recipe: Make, comment_on: Make, who: str
) -> None:
    status = 403 if who in {"editor", "eve"} else 204
    rights: dict[str, dict[str, Any]] = {"superuser": {"is_superuser": True}, "editor": {"roles": ["editor"]}}
    people = {name: make_user(name, **rights.get(name, {})) for name in {"author", "submitter", who}}
    recipe = make_recipe(people["submitter"])
    path = path_of(recipe, comment_on(recipe, people["author"]))
    stale = client.delete(path, headers=as_user(people[who]) | {"If-Match": '"7"'})
    assert stale.status_code == (412 if status == 204 else 403)
    assert client.delete(path, headers=as_user(people[who])).status_code == status
    assert client.get(path).status_code == (404 if status == 204 else 200)


def test_comment_outlives_its_author(client: TestClient, superuser: User, recipe: Recipe, comment: Comment) -> None:
    path = path_of(recipe, comment)
    assert client.delete(f"/api/v1/users/{comment.author_id}", headers=as_user(superuser)).status_code == 204
    left = client.get(path, params={"expand": "author"}).json()
    assert (left["text"], left["author_id"], left["author"]) == ("Good.", None, None)


# Where it came from


def test_only_superusers_learn_where_a_comment_came_from(
    client: TestClient, make_user: Make, user: User, superuser: User, recipe: Recipe
) -> None:
    id = client.post(path_of(recipe), json={"text": "Good."}, headers=as_user(user)).json()["id"]
    for caller in (user, superuser, make_user("manager", roles=["manager"])):
        assert "address" not in client.get(path_of(recipe), headers=as_user(caller)).text
        assert_problem(client.get(path_of(recipe), params={"address": "testclient"}, headers=as_user(caller)), 422)
        assert_problem(client.get(path_of(recipe), params={"sort": "address"}, headers=as_user(caller)), 422)
        for path in ("/api/v1/comments", f"/api/v1/comments/{id}", "/api/v1/comments/export"):
            answer = client.get(path, headers=as_user(caller))
            assert answer.status_code == (200 if caller is superuser else 403)
            assert ("testclient" in answer.text) == (caller is superuser)
    found = client.get("/api/v1/comments", params={"address": "testclient"}, headers=as_user(superuser)).json()
    assert [(one["id"], one["recipe_id"], one["address"]) for one in found["items"]] == [(id, recipe.id, "testclient")]


def test_change_does_not_touch_where_it_came_from(
    client: TestClient, session: Session, user: User, recipe: Recipe, comment_on: Make
) -> None:
    comment = comment_on(recipe, user)
    client.patch(path_of(recipe, comment), json={"text": "Better."}, headers=as_user(user))
    session.expire_all()
    assert session.scalar(select(Comment.address)) is None  # it was made by no request


# How often


def test_author_comments_five_times_a_minute_whatever_he_signs_in_with(
    client: TestClient, make_user: Make, user: User, recipe: Recipe, limits: Clock
) -> None:
    ways = [as_user(user), with_key(user, "comments:write"), with_key(user, "comments:write")] * 2
    answers = [client.post(path_of(recipe), json={"text": "Good."}, headers=way) for way in ways]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"comment";q=5;w=60'
    assert answers[0].headers["RateLimit"].startswith('"comment";r=4;')
    assert int(answers[5].headers["Retry-After"]) <= 60
    assert_problem(answers[5], 429)
    assert len(client.get(path_of(recipe)).json()["items"]) == 5
    assert client.post(path_of(recipe), json={"text": "Good."}, headers=as_user(make_user("bob"))).status_code == 201
    limits.now += 61
    assert client.post(path_of(recipe), json={"text": "Good."}, headers=ways[0]).status_code == 201
