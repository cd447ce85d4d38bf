"""Turns a CRUD object and its schemas into the routes that every resource has: the HTTP contract, written once."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel

from app.api.resource.batch import add_batch
from app.api.resource.exporting import add_export
from app.api.resource.importing import add_import
from app.api.resource.listing import add_list
from app.api.resource.reading import add_get
from app.api.resource.resource import CreateT, ModelT, ReadT, Resource, UpdateT
from app.api.resource.restoring import add_restore
from app.api.resource.writing import add_write
from app.api.routing import Router
from app.crud.base import CRUDBase

Capability = Literal["list", "get", "write", "batch", "restore", "export", "import"]

CAPABILITIES = {
    "list": add_list,
    "export": add_export,
    "get": add_get,
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
    expand: Mapping[str, type[BaseModel]] = MappingProxyType({}),
    without: Collection[Capability] = (),
) -> Resource[ModelT, CreateT, UpdateT, ReadT]:
    """Adds the routes of a resource, all of them unless `without` names some.

    `reader` and `writer` are dependencies (see `app.api.deps`): who may read and who may write at all. Which rows they
    may see and change, the CRUD object says. `expand` maps relations that may be embedded to their schemas. Add a
    resource's own routes before: of two that fit a path, the first is taken.
    """
    resource = Resource(router, crud, (create, update, read), (reader, writer), expand)
    for name, add in CAPABILITIES.items():
        if name not in without:
            add(resource)
            resource.capabilities.append(name)
    router.resources.append(resource)
    return resource
