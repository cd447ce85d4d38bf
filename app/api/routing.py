"""Routers whose cost does not grow with their number."""

from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Match
from starlette.types import Scope

from app.api.route import JobRoute


class IdConvertor(Convertor[str]):
    """`{id:id}` in a path: digits, so that /recipes/search is never taken for a row. Their size is checked later.

    A row has one path: zeros before its key would make as many as one likes.
    """

    regex = "-?(?:0|[1-9][0-9]*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return str(value)


register_url_convertor("id", IdConvertor())


class Router(APIRouter):
    """A router that is passed over by one comparison when the path does not begin as its own, absolute prefix does.

    FastAPI tries every route of every router in turn, once more per level of nesting. These routers are included
    straight into the application and without a further prefix, which would make them unreachable.
    """

    def __init__(self, prefix: str, **options: Any) -> None:
        super().__init__(prefix=prefix, route_class=JobRoute, **options)
        self.resources: list[Any] = []
        self.beginning = prefix.partition("{")[0]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        # For a regular expression, a text also ends before a last line break; a header that names the path could not.
        if not path.startswith(self.beginning) or path.endswith("\n"):
            return Match.NONE, {}
        return super().matches(scope)


def operation_id(route: APIRoute) -> str:
    """recipes_list, recipes_create, ...: the names that generated clients give their functions."""
    return "_".join([*map(str, route.tags[:1]), route.name.strip("_")])
