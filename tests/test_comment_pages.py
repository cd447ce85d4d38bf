"""Comments on the page of a recipe, as forms go over the wire: no JavaScript is in it."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session

from app.crud import feed
from app.db.base import utc_now
from app.models import Comment, Recipe, User
from tests.api.mailed import Mails
from tests.api.test_comments import comment_on, make_recipe, path_of, recipe
from tests.conftest import as_user
from tests.support.clock import Clock
from tests.test_account_pages import alert, assert_form, assert_went_to, browser, have, sign_in

__all__ = ["browser", "comment_on", "make_recipe", "recipe"]

Make = Callable[..., Any]


def texts(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'<p class="text">(.*?)</p>', page, re.DOTALL)]


def removals(page: str) -> list[str]:
    return re.findall(r'action="([^"]+/remove)"', page)


def test_visitor_reads_comments_and_who_wrote_them(
    client: TestClient, session: Session, make_user: Make, recipe: Recipe, comment_on: Make
) -> None:
    bob, eve = make_user("bob", first_name="Bob", surname="<i>"), make_user("eve")
    for author, text in ((bob, "With mint."), (eve, "Or\nwithout."), (None, "Neither.")):
        comment_on(recipe, author, text)
    page = client.get(f"/recipes/{recipe.id}").text
    assert texts(page) == ["Neither.", "Or\nwithout.", "With mint."]
    assert re.findall(r"<strong>(.*?)</strong>", page) == ["Somebody who has left", "Somebody", "Bob &lt;i&gt;"]
    assert f'<a href="/login?next=/recipes/{recipe.id}">Sign in</a>' in page
    assert "<textarea" not in page
    assert removals(page) == []


def test_page_of_a_recipe_takes_one_statement_for_its_comments(
    client: TestClient, connection: Connection, user: User, recipe: Recipe, comment_on: Make
) -> None:
    for number in range(3):
        comment_on(recipe, user, f"Comment {number}")
    statements: list[str] = []

    def note(*call: Any) -> None:
        if call[2].startswith("SELECT"):
            statements.append(call[2])

    event.listen(connection, "before_cursor_execute", note)
    try:
        answer = client.get(f"/recipes/{recipe.id}")
    finally:
        event.remove(connection, "before_cursor_execute", note)
    assert len(texts(answer.text)) == 3
    assert len([one for one in statements if "FROM comment" in one]) == 1
    assert "Cache-Control" not in answer.headers
    assert answer.headers["Vary"] == "Cookie"


def test_markup_is_text(client: TestClient, user: User, recipe: Recipe, comment_on: Make) -> None:
    markup = "</p></textarea><script>alert('1')</script><img src=x onerror=alert(1)> &amp; {{ 7 * 7 }} javascript:"
    comment_on(recipe, user, markup)
    page = client.get(f"/recipes/{recipe.id}").text
    assert texts(page) == [markup]
    assert "<script>" not in page
    assert "<img src=x" not in page


def test_older_comments_are_a_page_away(client: TestClient, user: User, recipe: Recipe, comment_on: Make) -> None:
    for number in range(45):
        comment_on(recipe, user, f"Comment {number}")
    path: str | None = f"/recipes/{recipe.id}"
    seen: list[list[str]] = []
    while path:
        page = client.get(path).text
        seen.append(texts(page))
        older = re.findall(r'<a href="([^"]*)" rel="next">Older</a>', page)
        path = older[0] if older else None
    assert [len(page) for page in seen] == [20, 20, 5]
    assert [text for page in seen for text in page] == [f"Comment {number}" for number in reversed(range(45))]
    assert client.get(f"/recipes/{recipe.id}?before=0").status_code == 422


def test_comment_is_written_and_removed(browser: TestClient, user: User, recipe: Recipe, session: Session) -> None:
    sign_in(browser)
    page = browser.get(f"/recipes/{recipe.id}")
    assert page.headers["Cache-Control"] == "no-store"
    [action] = re.findall(r'<form method="post" action="([^"]+/comments)"', page.text)
    typed = " With mint\r\n& <b>lemon</b>."
    assert_went_to(browser.post(action, data={"text": typed}), f"/recipes/{recipe.id}#comments")
    kept = session.execute(select(Comment.author_id, Comment.text, Comment.address)).one()
    assert tuple(kept) == (user.id, " With mint\n& <b>lemon</b>.", "testclient")
    page = browser.get(f"/recipes/{recipe.id}")
    assert texts(page.text) == [kept.text]
    [remove] = removals(page.text)
    assert_went_to(browser.post(remove), f"/recipes/{recipe.id}#comments")
    assert texts(browser.get(f"/recipes/{recipe.id}").text) == []


def edits(page: str) -> list[str]:
    return re.findall(r'<a href="([^"]+/comments/\d+)">Edit<', page)


def filled_in(page: str) -> dict[str, str]:
    """What a browser sends when nobody types anything."""
    [version] = re.findall(r'<input type="hidden" name="version" value="(\d+)">', page)
    [text] = re.findall(r"<textarea[^>]*>\n(.*)</textarea>", page, re.DOTALL)
    return {"version": version, "text": unescape(text)}


def test_author_changes_his_comment(
    browser: TestClient, user: User, recipe: Recipe, session: Session, comment_on: Make
) -> None:
    comment = comment_on(recipe, user, "With <mint>\n& lemon.")
    sign_in(browser)
    [path] = edits(browser.get(f"/recipes/{recipe.id}").text)
    form = browser.get(path)
    assert form.headers["Cache-Control"] == "no-store"
    assert filled_in(form.text) == {"version": "1", "text": "With <mint>\n& lemon."}
    typed = filled_in(form.text) | {"text": "With\r\nthyme."}
    assert_went_to(browser.post(path, data=typed), f"/recipes/{recipe.id}#comment-{comment.id}")
    assert texts(browser.get(f"/recipes/{recipe.id}").text) == ["With\nthyme."]
    happened = feed.since(session, recipe.id, 0)
    assert [one.what for one in happened] == ["comment.created", "comment.updated"]


def test_what_was_changed_meanwhile_is_seen_before_it_is_written_over(
    browser: TestClient, user: User, recipe: Recipe, comment_on: Make
) -> None:
    comment = comment_on(recipe, user)
    sign_in(browser)
    path = f"/recipes/{recipe.id}/comments/{comment.id}"
    typed = filled_in(browser.get(path).text) | {"text": "Mine."}
    browser.patch(path_of(recipe, comment), json={"text": "<Theirs>."}, headers=as_user(user)).raise_for_status()
    again = browser.post(path, data=typed)
    assert_form(again, 412, "Your comment")
    assert alert(again) == "It was changed meanwhile, in another window or program."
    assert "<blockquote>&lt;Theirs&gt;.</blockquote>" in again.text
    assert filled_in(again.text) == {"version": "2", "text": "Mine."}
    assert texts(browser.get(f"/recipes/{recipe.id}").text) == ["<Theirs>."]
    assert browser.post(path, data=filled_in(again.text)).status_code == 303
    assert texts(browser.get(f"/recipes/{recipe.id}").text) == ["Mine."]


@pytest.mark.parametrize("sent", [{"text": " ", "version": "1"}, {"text": "Better."}, {"text": "x", "version": "0"}])
def test_change_that_is_not_taken_changes_nothing(
    browser: TestClient, user: User, recipe: Recipe, comment_on: Make, sent: dict[str, str]
) -> None:
    comment = comment_on(recipe, user)
    sign_in(browser)
    assert_form(browser.post(f"/recipes/{recipe.id}/comments/{comment.id}", data=sent), 422, "Your comment")
    assert texts(browser.get(f"/recipes/{recipe.id}").text) == ["Good."]


def test_nobody_else_changes_a_comment(
    browser: TestClient, make_user: Make, user: User, recipe: Recipe, comment_on: Make
) -> None:
    comment = comment_on(recipe, make_user("bob"))
    path, sent = f"/recipes/{recipe.id}/comments/{comment.id}", {"text": "Bad.", "version": "1"}
    assert_went_to(browser.get(path), f"/login?next={path}")
    assert browser.post(path, data=sent).status_code == 303
    make_user("root", is_superuser=True)
    for who in (user.email, "root@example.com"):
        browser.cookies.clear()
        sign_in(browser, who)
        assert edits(browser.get(f"/recipes/{recipe.id}").text) == []
        assert browser.get(path).status_code == 403
        assert browser.post(path, data=sent).status_code == 403
    browser.cookies.clear()
    sign_in(browser, "bob@example.com")
    for place in (f"/recipes/{recipe.id + 1}/comments/{comment.id}", f"/recipes/{recipe.id}/comments/{comment.id + 1}"):
        assert browser.get(place).status_code == 404
        assert browser.post(place, data=sent).status_code == 404
    assert texts(browser.get(f"/recipes/{recipe.id}").text) == ["Good."]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Your comment is missing."),
        (" \r\n ", "Your comment is missing."),
        ("x" * 5001, "Your comment is too long."),
        ("a\0b", "Your comment has characters that it cannot have."),
    ],
    ids=["empty", "blank", "long", "nul"],
)
def test_what_was_typed_is_not_lost_when_it_is_not_taken(
    browser: TestClient, user: User, recipe: Recipe, typed: str, says: str
) -> None:
    sign_in(browser)
    again = browser.post(f"/recipes/{recipe.id}/comments", data={"text": typed})
    assert_form(again, 422, "Comment")
    assert f'<p class="wrong" id="text-wrong">{says}</p>' in again.text
    [text] = re.findall(r"<textarea[^>]*autofocus>\n(.*)</textarea>", again.text, re.DOTALL)
    assert text.split() == typed.split()
    assert_went_to(browser.get(f"/recipes/{recipe.id}/comments"), f"/recipes/{recipe.id}#comments")


def test_longest_comment_counts_each_end_of_a_line_once(
    browser: TestClient, session: Session, user: User, recipe: Recipe
) -> None:
    sign_in(browser)
    assert_went_to(
        browser.post(f"/recipes/{recipe.id}/comments", data={"text": "x\r\n" * 2500}), f"/recipes/{recipe.id}#comments"
    )
    assert session.scalar(select(Comment.text)) == "x\n" * 2500


def test_who_is_not_signed_in_is_sent_to_do_so(browser: TestClient, session: Session, recipe: Recipe) -> None:
    for cookie in (None, "dead"):
        if cookie:
            have(browser, cookie)
        answer = browser.post(f"/recipes/{recipe.id}/comments", data={"text": "Good."})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/account")
        page = browser.get(f"/recipes/{recipe.id}")
        assert page.status_code == 200
        assert "<textarea" not in page.text
    assert session.scalars(select(Comment)).all() == []


def test_another_site_can_neither_write_nor_remove(
    browser: TestClient, session: Session, user: User, recipe: Recipe, comment_on: Make
) -> None:
    comment = comment_on(recipe, user)
    sign_in(browser)
    path = f"/recipes/{recipe.id}/comments"
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        assert browser.post(path, data={"text": "Bad."}, headers=headers).status_code == 403
        assert browser.post(f"{path}/{comment.id}/remove", headers=headers).status_code == 403
        changed = {"text": "Bad.", "version": "1"}
        assert browser.post(f"{path}/{comment.id}", data=changed, headers=headers).status_code == 403
    assert [one.text for one in session.scalars(select(Comment))] == ["Good."]


def test_button_to_remove_is_where_it_does_something(
    browser: TestClient, make_user: Make, make_recipe: Make, comment_on: Make
) -> None:
    ann, bob, eve = make_user("carl"), make_user("bob"), make_user("eve")
    recipe = make_recipe(ann)
    comments = [comment_on(recipe, author).id for author in (ann, bob, None)]
    root = make_user("root", is_superuser=True)
    for who, own in ((ann, comments), (bob, comments[1:2]), (eve, []), (root, comments)):
        browser.cookies.clear()
        sign_in(browser, who.email)
        paths = [f"/recipes/{recipe.id}/comments/{id}/remove" for id in own]
        assert removals(browser.get(f"/recipes/{recipe.id}").text) == paths[::-1]
    browser.cookies.clear()
    sign_in(browser, eve.email)
    assert browser.post(f"/recipes/{recipe.id}/comments/{comments[0]}/remove").status_code == 403


def test_form_of_a_recipe_that_is_gone_is_404(
    browser: TestClient, user: User, recipe: Recipe, comment_on: Make
) -> None:
    comment = comment_on(recipe, user)
    sign_in(browser)
    browser.delete(f"/api/v1/recipes/{recipe.id}", headers=as_user(user))
    path = f"/recipes/{recipe.id}/comments"
    changed = {"text": "Better.", "version": "1"}
    for answer in (
        browser.post(path, data={"text": "Good."}),
        browser.post(f"{path}/{comment.id}/remove"),
        browser.post(f"{path}/{comment.id}", data=changed),
        browser.get(f"{path}/{comment.id}"),
    ):
        assert answer.status_code == 404


def test_form_and_api_count_together(
    browser: TestClient, session: Session, user: User, recipe: Recipe, limits: Clock
) -> None:
    sign_in(browser)
    path, headers = f"/recipes/{recipe.id}/comments", as_user(user)
    for _ in range(2):
        assert browser.post(path, data={"text": "Good."}).status_code == 303
        assert browser.post(path_of(recipe), json={"text": "Good."}, headers=headers).status_code == 201
    assert browser.post(path, data={"text": "Good."}).status_code == 303
    refused = browser.post(path, data={"text": "One too many."})
    assert_form(refused, 429, "Comment")
    assert alert(refused) == "That was too often. Try again in a minute."
    assert "One too many.</textarea>" in refused.text
    assert browser.post(path_of(recipe), json={"text": "Good."}, headers=headers).status_code == 429
    assert len(session.scalars(select(Comment)).all()) == 5


def test_comment_by_the_form_is_told_by_mail(
    browser: TestClient, session: Session, make_user: Make, make_recipe: Make, mails: Mails
) -> None:
    submitter, author = make_user("submitter"), make_user("bob")
    submitter.email_verified_at = utc_now()
    session.commit()
    recipe = make_recipe(submitter)
    sign_in(browser, author.email)
    browser.post(f"/recipes/{recipe.id}/comments", data={"text": "Good."})
    assert [mail["To"] for mail in mails()] == [submitter.email]
