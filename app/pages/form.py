"""A page with a form, which is shown once more when something is wrong with what was sent."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from fastapi import Request, Response
from starlette.datastructures import FormData

from app.core import one_time
from app.core.errors import SecondFactorRequired
from app.core.one_time import Purpose
from app.core.password_rules import MIN_LENGTH
from app.pages.html import NO_STORE, page
from app.schemas.problem import Problem, ProblemError

SENT = "form"
"""Where the scope has the form that was sent."""

LONGEST = 10_000
"""Characters of a field that are filled in again."""

NO_REFERRER = NO_STORE | {"Referrer-Policy": "no-referrer"}
"""For a page whose address has a token."""

WORDS = {
    "missing": "is missing",
    "string_too_short": f"needs at least {MIN_LENGTH} characters",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "has characters that it cannot have",
}
"""For errors whose own words are for programmers. The name of the field stands before them."""


class Sent(NamedTuple):
    """A form as it was sent, as far as it is filled in again."""

    form: "FormPage"
    texts: Mapping[str, str]
    has_code: bool
    stands_in: bool = False
    """It was not this form that was sent."""


class FormPage:
    """Shows a form, and is a dependency of the route that takes it: what goes wrong there is told in the form.

    Only the fields that it `keeps` are filled in again, so no password is.
    """

    def __init__(self, template: str, *keeps: str, headers: Mapping[str, str] = NO_STORE) -> None:
        self._template = template
        self._headers = headers
        self._empty = dict.fromkeys(keeps, "")

    async def __call__(self, request: Request) -> None:
        form = await request.form()
        texts = {name: _text(form, name) for name in self._empty}
        request.scope[SENT] = Sent(self, texts, "code" in form)

    def stand_in(self, request: Request, **filled_in: str) -> None:
        """What goes wrong with the request from here on is told in this form, although it was not sent."""
        request.scope[SENT] = Sent(self, self._empty | filled_in, has_code=False, stands_in=True)

    def show(self, request: Request, notice: object = None, asks_code: bool = False, **filled_in: str) -> Response:
        """`asks_code` is for an account that has a second factor."""
        sent = self._empty | filled_in
        values = {"sent": sent, "asks_code": asks_code, "says": None, "wrong": {}, "notice": notice}
        return page(request, self._template, 200, self._headers, **values)

    def show_again(self, request: Request, sent: Sent, problem: Problem, headers: Mapping[str, str]) -> Response:
        wrong = {_field(one): _in_words(one) for one in problem.errors or () if one.pointer != "/token"}
        says: str | None = problem.detail
        if problem.type == SecondFactorRequired.type:
            wrong, says = ({}, None) if sent.stands_in else ({"code": "is missing"}, says)
        elif problem.status == 429:
            says = f"That was too often. Try again in {_minutes(headers)}"
        if wrong:
            says = "Please look at what is marked"
        asks_code = sent.has_code or "code" in wrong
        values = {"sent": sent.texts, "asks_code": asks_code, "says": says, "wrong": wrong, "notice": None}
        return page(request, self._template, problem.status, {**self._headers, **headers}, **values)


def show_by_link(request: Request, purpose: Purpose, token: str | None, ask: FormPage, form: FormPage) -> Response:
    """The form that a mailed link leads to; `ask`, which has another mailed, without a token or with a dead one."""
    if token is None:
        return ask.show(request)
    ask.stand_in(request)
    one_time.read(purpose, token)
    return form.show(request, token=token)


def shown_again(request: Request, problem: Problem, headers: Mapping[str, str]) -> Response | None:
    """The form that was sent; None when there was none, or when what went wrong is nothing that a person can mend."""
    sent: Sent | None = request.scope.get(SENT)
    if sent is None or problem.status < 400 or problem.status == 500:
        return None
    return sent.form.show_again(request, sent, problem, headers)


def _minutes(headers: Mapping[str, str]) -> str:
    minutes = math.ceil(int(headers["Retry-After"]) / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _text(form: FormData, name: str) -> str:
    """What is filled in again; of boxes that can be ticked, the names of those that were."""
    text = " ".join(map(str, form.getlist(name)))[:LONGEST]
    # A form may come in any encoding that its sender names, and so hold what no page can.
    return text.encode(errors="replace").decode()


def _field(error: ProblemError) -> str:
    return error.pointer.strip("/").partition("/")[0]


def _in_words(error: ProblemError) -> str:
    if error.type == "string_pattern_mismatch" and error.pointer == "/email":
        return "is not an e-mail address"
    return WORDS.get(error.type) or error.detail.removeprefix("Value error, ")
