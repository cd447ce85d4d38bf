"""WebSockets below a recipe: both ways, between workers, within limits."""

import json
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.larder import Larder, comments, token
from tests.support.own_service import as_superuser
from tests.support.talk import Talk, websocket

PATH = "/api/v1/recipes/{}/live"


def talk(stack: ExitStack, larder: Larder, recipe: int, headers: dict[str, str] | None = None, query: str = "") -> Talk:
    return stack.enter_context(websocket(larder.service.port, PATH.format(recipe) + query, headers))


def test_comment_of_one_is_heard_by_all_and_by_streams(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with ExitStack() as stack:
        author = talk(stack, larder, recipe, as_superuser())
        others = [talk(stack, larder, recipe) for _ in range(7)]
        stream = stack.enter_context(larder.stream(recipe))
        for one in (author, *others):
            assert one.hear()["type"] == "ready"
        author.say({"type": "comment", "text": "With mint", "ref": "mine"})
        ack = author.hear("ack")
        assert (ack["ref"], ack["comment"]["text"]) == ("mine", "With mint")
        for one in (author, *others):
            event = one.hear("comment.created")
            assert (event["number"], event["comment"]["text"]) == (1, "With mint")
        assert stream.take(2)[1].data == event
        listed = larder.service.client.get(comments(recipe)).json()["items"]
        assert [one["id"] for one in listed] == [ack["comment"]["id"]]


def test_resuming_misses_nothing(larder: Larder) -> None:
    recipe = larder.new_recipe()
    larder.write(recipe, 1, 2, 3)
    with ExitStack() as stack:
        again = talk(stack, larder, recipe, query="?after=1")
        assert again.hear() == {"type": "ready", "number": 1}
        larder.write(recipe, 4)
        assert [again.hear("comment.created")["number"] for _ in range(3)] == [2, 3, 4]
        assert talk(stack, larder, recipe, query="?after=99").hear() == {"type": "reset", "number": 4}


def test_everybody_hears_how_many_are_there(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with ExitStack() as stack:
        first = talk(stack, larder, recipe)
        with ExitStack() as guests:
            for _ in range(7):
                talk(guests, larder, recipe)
            hear_count(first, 8)
        hear_count(first, 1)


def hear_count(talk: Talk, count: int) -> None:
    end = time.monotonic() + 10
    while talk.hear("presence")["count"] != count:
        assert time.monotonic() < end


def test_others_hear_who_is_typing_and_he_does_not(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with ExitStack() as stack:
        author = talk(stack, larder, recipe, as_superuser())
        others = [talk(stack, larder, recipe) for _ in range(7)]
        for one in (author, *others):
            one.hear("presence")
        for _ in range(5):
            author.say({"type": "typing"})
        for one in others:
            assert one.hear("typing") == {"type": "typing", "author_id": 1}
        author.say({"type": "nonsense"})
        assert author.hear("typing", "problem")["type"] == "problem"


def test_token_may_come_as_a_message_and_be_renewed(larder: Larder) -> None:
    with ExitStack() as stack:
        one = talk(stack, larder, larder.new_recipe())
        one.say({"type": "comment", "text": "Who am I?"})
        assert one.hear("problem")["problem"]["status"] == 401
        for seconds in (2, 60):
            one.say({"type": "authenticate", "token": token(seconds)["Authorization"].removeprefix("Bearer ")})
            one.hear("authenticated")
        time.sleep(3)
        one.say({"type": "comment", "text": "Now you know"})
        assert one.hear("ack", "problem")["type"] == "ack"


def test_it_is_closed_when_the_token_expires(larder: Larder) -> None:
    with ExitStack() as stack:
        assert talk(stack, larder, larder.new_recipe(), token(2)).code(seconds=4) == 4401


def test_it_is_closed_with_its_recipe(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with ExitStack() as stack:
        one = talk(stack, larder, recipe)
        one.hear("ready")
        larder.service.client.delete(f"/api/v1/recipes/{recipe}", headers=as_superuser()).raise_for_status()
        assert one.code(seconds=2.5) == 4404


@pytest.mark.parametrize(
    "message",
    ["{", "[]", "null", '"x"', '{"type": "x"}', '{"type": "comment"}', '{"type": "comment", "text": "\\ud800"}'],
)
def test_malformed_messages_are_a_problem_and_no_end(larder: Larder, message: str) -> None:
    with ExitStack() as stack:
        one = talk(stack, larder, 1, as_superuser())
        one.say(message)
        assert one.hear("problem")["problem"]["status"] == 422
        one.say({"type": "comment", "text": " "})
        problem = one.hear("problem")["problem"]
        assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/text")


def test_what_is_too_large_binary_or_too_much_ends_it(larder: Larder) -> None:
    def code_after(*messages: str | bytes) -> int:
        with ExitStack() as stack:
            one = talk(stack, larder, 1, as_superuser())
            one.hear("ready")
            for message in messages:
                one.say(message)
            return one.code()

    assert code_after(json.dumps({"type": "comment", "text": "x" * 17_000})) == 1009
    assert code_after(b"\x00\x01") == 1003
    assert code_after(*['{"type": "typing"}'] * 30) == 1008


def test_text_that_is_no_utf_8_ends_it(larder: Larder) -> None:
    with ExitStack() as stack:
        one = talk(stack, larder, 1)
        one.hear("ready")
        one.connection.send(b"\xff\xfe", text=True)
        assert one.code() == 1007


def status_of(larder: Larder, path: str, headers: dict[str, str] | None = None, origin: str | None = None) -> int:
    """That of the answer to a handshake."""
    try:
        with websocket(larder.service.port, path, headers, origin):
            return 101
    except InvalidStatus as refused:
        answer = refused.response
        if answer.headers["Content-Type"] == "application/problem+json":
            assert json.loads(bytes(answer.body or b""))["status"] == answer.status_code
        return answer.status_code


def test_pages_of_other_origins_are_refused(larder: Larder) -> None:
    path = PATH.format(1)
    for origin in (
        "https://evil.example",
        "null",
        f"https://127.0.0.1:{larder.service.port}",
        larder.service.url + "0",
    ):
        assert status_of(larder, path, as_superuser(), origin) == 403
    assert status_of(larder, path, as_superuser(), larder.service.url) == 101


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/v1/recipes/1000000/live", {}, 404),
        ("/api/v1/recipes/0/live", {}, 422),
        ("/api/v1/recipes/1/live?after=x", {}, 422),
        ("/api/v1/recipes/1/live?token=x", {}, 422),
        ("/api/v1/recipes/1/live", {"Authorization": "Bearer x"}, 401),
        ("/api/v1/recipes/1/live", {"X": "y" * 9000}, 431),
        ("/api/v1/recipes/1/comments/stream", {}, 403),
        ("/", {}, 403),
    ],
)
def test_bad_handshakes_are_refused(larder: Larder, path: str, headers: dict[str, str], status: int) -> None:
    assert status_of(larder, path, headers) == status


def test_cookie_is_good_on_pages_of_this_site_alone(larder: Larder) -> None:
    client = larder.service.client
    form = {"username": "admin@example.com", "password": "only for the tests"}
    answer = client.post("/login", data=form, headers={"Origin": larder.service.url})
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    client.cookies.clear()
    recipe = larder.new_recipe()
    for origin, said in ((larder.service.url, "ack"), (None, "problem")):
        with websocket(larder.service.port, PATH.format(recipe), cookie, origin) as one:
            one.say({"type": "comment", "text": "From a page"})
            assert one.hear("ack", "problem")["type"] == said
    with (
        pytest.raises(InvalidStatus),
        websocket(larder.service.port, PATH.format(recipe), cookie, "https://evil.example"),
    ):
        pass


def test_nothing_of_that_is_an_error_in_the_log(larder: Larder) -> None:
    with ExitStack() as stack:
        talk(stack, larder, 1).connection.send(b"\xff", text=True)
        status_of(larder, PATH.format(1), origin="https://evil.example")
    assert "[error" not in larder.service.output  # warnings name errors, too
