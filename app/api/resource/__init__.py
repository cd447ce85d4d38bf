"""Turns a CRUD object and its schemas into the routes that every resource has: the HTTP contract, written once."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel

from app.api.resource.batch import add_batch
from app.api.resource.exporting import add_export
from app.api.resource.importing import add_import
from app.api.resource.listing import add_list
from app.api.resource.nesting import Within
from app.api.resource.reading import add_get
from app.api.resource.resource import Created, CreateT, ModelT, ReadT, Resource, UpdateT, nothing
from app.api.resource.restoring import add_restore
from app.api.resource.writing import add_create, add_write
from app.api.routing import Router
from app.core.scopes import Scope
from app.crud.base import CRUDBase

Capability = Literal["list", "get", "create", "write", "batch", "restore", "export", "import"]

CAPABILITIES = {
    "list": add_list,
    "export": add_export,
    "get": add_get,
    "create": add_create,
    "write": add_write,
    "batch": add_batch,
    "import": add_import,
    "restore": add_restore,
}


def add_resource(
    router: Router,
    crud: CRUDBase[ModelT, CreateT, UpdateT],
    *,
    create: type[CreateT],
    update: type[UpdateT],
    read: type[ReadT],
    reader: Any,
    writer: Any,
    scopes: tuple[Scope, Scope] | None = None,
    expand: Mapping[str, type[BaseModel]] = MappingProxyType({}),
    within: Within | None = None,
    dependencies: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    created: Created = nothing,
    without: Collection[Capability] = (),
) -> Resource[ModelT, CreateT, UpdateT, ReadT]:
    """Adds the routes of a resource, all of them unless `without` names some.

    `reader` and `writer` are dependencies (see `app.api.deps`): who may read and who may write at all. `scopes` is what
    it takes to read and to write. Which rows they may see and change, the CRUD object says. `expand` maps relations
    that may be embedded to their schemas. `within` puts it below another resource. `dependencies` are more of them, by
    the names of operations: `{"create": [Depends(RateLimit("5/minute"))]}`. `created` is called with each new row, in
    the same transaction; it is for resources that do not create many at once.

    Add a resource's own routes before: of two that fit a path, the first is taken.
    """
    if created is not nothing and not {"batch", "import"} <= {*without}:
        raise ValueError(f"{crud.name}: many at once are created without a call for each")
    resource = Resource(
        router,
        crud,
        (create, update, read),
        (reader, writer),
        expand,
        scopes=scopes,
        within=within,
        dependencies=dependencies,
        created=created,
    )
    for name, add in CAPABILITIES.items():
        if name not in without:
            add(resource)
            resource.capabilities.append(name)
    router.resources.append(resource)
    return resource
