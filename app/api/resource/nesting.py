"""Resources below the rows of another one: /recipes/1/comments."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import Depends, Path

from app.api.deps import CallerDep
from app.api.job import Deferred
from app.api.resource.parameters import Crud
from app.db.session import Session
from app.schemas.types import Id

Place = Mapping[str, int]
"""Under which row a request is: `{"recipe_id": 1}`."""

NOWHERE: Place = MappingProxyType({})
"""Of a resource that is below no other."""


@dataclass(frozen=True, slots=True)
class Within:
    """Below the rows of `parents`, of which the caller has to see the one that he names, or all is 404.

    `key` is what the place in the router's prefix is called, and the column that refers to the parent:
    `Router("/api/v1/recipes/{recipe_id:id}/comments")` and `Within(crud.recipe, "recipe_id")`.
    """

    parents: Crud
    key: str

    def place(self) -> Any:
        """The type of an endpoint's parameter that takes the `Place`."""
        known, key = self.parents.showing(("id",)), self.key

        async def find(caller: CallerDep, id: Annotated[Id, Path(alias=key)]) -> Deferred[Place]:
            def found(session: Session) -> Place:
                known.get_one(session, id, caller.value(session))
                return {key: id}

            return Deferred(found)

        return Annotated[Place, Depends(find)]
