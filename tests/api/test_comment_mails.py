"""Who brought a recipe is told of comments on it: by mail, after the commit, and only if he wants to be written to."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import crud
from app.core.config import settings
from app.db.base import utc_now
from app.models import Comment, Job, Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.api.mailed import Mails, link_in
from tests.api.test_comments import path_of
from tests.api.test_recipes import SOUP
from tests.conftest import as_user

Make = Callable[..., Any]


@pytest.fixture
def submitter(session: Session, make_user: Make) -> User:
    user: User = make_user("submitter")
    user.email_verified_at = utc_now()
    session.commit()
    return user


@pytest.fixture
def recipe(session: Session, submitter: User) -> Recipe:
    recipe = crud.recipe.create(session, RecipeCreate(**SOUP | {"label": "Pea <b>& mint</b>"}), submitter)
    session.commit()
    return recipe


def write(client: TestClient, recipe: Recipe, author: User, text: str = "Good.", **headers: str) -> Any:
    return client.post(path_of(recipe), json={"text": text}, headers=as_user(author) | headers)


def test_submitter_is_told_and_led_there(
    client: TestClient, user: User, submitter: User, recipe: Recipe, mails: Mails
) -> None:
    assert write(client, recipe, user, "Buy at https://evil.example").status_code == 201
    [mail] = mails()
    assert (mail["To"], mail["Subject"]) == (submitter.email, "Somebody commented on your recipe")
    assert link_in(mail) == f"{settings.PUBLIC_URL}/recipes/{recipe.id}#comments"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "Pea <b>& mint</b>" in text
    assert "Pea &lt;b&gt;&amp; mint&lt;/b&gt;" in html
    assert "evil" not in text + html, "the words of a stranger"


def test_nobody_is_told_of_his_own_comment(client: TestClient, submitter: User, recipe: Recipe, mails: Mails) -> None:
    assert write(client, recipe, submitter).status_code == 201
    assert mails() == []


@pytest.mark.parametrize("name", ["email_verified_at", "is_active"])
def test_who_cannot_be_known_to_read_it_gets_no_mail(
    client: TestClient, session: Session, user: User, recipe: Recipe, mails: Mails, *, name: str
) -> None:
    submitter = session.get_one(User, recipe.submitter_id)
    setattr(submitter, name, None if name == "email_verified_at" else False)
    session.commit()
    assert write(client, recipe, user).status_code == 201
    assert mails() == []


def test_no_mail_for_a_comment_that_is_gone_before_it_is_sent(
    client: TestClient, user: User, recipe: Recipe, mails: Mails
) -> None:
    created = write(client, recipe, user)
    assert client.delete(created.headers["Location"], headers=as_user(user)).status_code == 204
    assert mails() == []


def test_no_mail_without_a_commit(
    client: TestClient, session: Session, user: User, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("after everything was written")

    monkeypatch.setattr("app.api.idempotency.IdempotencyKey", fail)
    assert write(client, recipe, user, **{"Idempotency-Key": "once"}).status_code == 500
    assert session.scalars(select(Comment)).all() == []
    assert session.scalars(select(Job)).all() == []


def test_comment_that_is_sent_again_is_told_once(client: TestClient, user: User, recipe: Recipe, mails: Mails) -> None:
    for _ in range(2):
        assert write(client, recipe, user, **{"Idempotency-Key": "once"}).status_code == 201
    assert len(mails()) == 1
