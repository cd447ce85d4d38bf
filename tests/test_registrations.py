"""Nothing that was written is forgotten: every file is in its list, every model in the migrations."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from app import crud, models
from app.api.api_v1 import api
from app.db.base import Base
from app.main import app
from tests.conftest import ROOT


def modules(folder: str, pattern: str = "[!_]*.py") -> list[str]:
    return sorted(path.stem for path in (ROOT / "app" / folder).glob(pattern))


@pytest.mark.parametrize("name", modules("models"))
def test_every_model_is_in_the_list_of_models(name: str) -> None:
    listed = {model.__module__ for model in vars(models).values() if isinstance(model, type)}
    assert f"app.models.{name}" in listed, f"app/models/__init__.py does not list {name}"


@pytest.mark.parametrize("name", modules("crud", "crud_*.py"))
def test_every_crud_object_is_in_the_list_of_crud_objects(name: str) -> None:
    noun = name.removeprefix("crud_")
    assert hasattr(crud, noun), f"app/crud/__init__.py does not list {noun}"


@pytest.mark.parametrize("name", modules("api/api_v1/endpoints"))
def test_every_endpoint_module_is_in_the_list_of_routers(name: str) -> None:
    router = import_module(f"app.api.api_v1.endpoints.{name}").router
    assert router in api.routers, f"app/api/api_v1/api.py does not list {name}.router"


def test_every_model_is_in_the_migrations(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
    missing = compare_metadata(context, Base.metadata)
    assert not missing, 'a migration is missing: python -m alembic revision --autogenerate -m "..."'


def test_every_route_can_be_reached(client: TestClient) -> None:
    """A router with another prefix than its paths would answer 404 to all of them."""
    for route in iter_route_contexts(app.routes):
        if route.path and route.methods:
            path = re.sub(r"\{\w+(:id)?\}", "1", route.path)
            answer = client.request("BREW", path)
            assert answer.status_code == 405, f"{path} is out of reach"
            assert set(answer.headers["Allow"].split(", ")) >= route.methods


def test_one_noun_finds_the_whole_resource() -> None:
    files = [path.relative_to(ROOT / "app") for path in Path(ROOT / "app").rglob("*recipe*.py")]
    layers = {path.parts[0] for path in files}
    assert layers >= {"models", "schemas", "crud", "api"}
