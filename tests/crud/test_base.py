"""What `CRUDBase` promises to those who write Python: types, transactions, and rules that are part of the query."""

import re
from collections.abc import Sequence
from typing import assert_type

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import crud
from app.core.errors import NotAllowed, NotFound
from app.core.principal import Principal
from app.crud.base import CRUDBase
from app.crud.query import ListQuery
from app.models import Recipe, Seed, User
from app.schemas.recipe import RecipeCreate, RecipeUpdate
from tests.conftest import ROOT

SOUP = RecipeCreate(label="Soup", source="Aunt", url="https://example.com")


def test_types_pass_through_the_generic(session: Session, user: User) -> None:
    recipe = crud.recipe.create(session, SOUP, user)
    assert_type(recipe, Recipe)
    assert_type(crud.recipe.get(session, recipe.id), Recipe | None)
    assert_type(crud.recipe.get_one(session, recipe.id), Recipe)
    assert_type(crud.recipe.get_multi(session, ListQuery()), Sequence[Recipe])
    assert_type(crud.recipe.count(session, ListQuery()), int)
    assert_type(crud.recipe.update(session, recipe.id, RecipeUpdate(), user), Recipe)
    assert_type(crud.recipe.replace(session, recipe.id, SOUP, user), Recipe)


def test_model_without_rules_needs_no_subclass(session: Session, superuser: User) -> None:
    seeds = CRUDBase[Seed, RecipeCreate, RecipeUpdate](Seed)
    session.add(Seed(name="x"))
    session.flush()
    assert [seed.name for seed in seeds.get_multi(session, ListQuery())] == ["x"]


def test_nothing_is_committed(session: Session, user: User) -> None:
    recipe = crud.recipe.create(session, SOUP, user)
    crud.recipe.update(session, recipe.id, RecipeUpdate(label="Stew"), user)
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Recipe)) == 0


def test_no_commit_below_the_request() -> None:
    for path in [*(ROOT / "app/crud").glob("*.py"), *(ROOT / "app/api/api_v1").rglob("*.py")]:
        assert not re.search(r"\bcommit\(", path.read_text()), path


def test_what_is_not_there_is_not_found(session: Session, user: User) -> None:
    assert crud.recipe.get(session, 1) is None
    for act in (
        lambda: crud.recipe.get_one(session, 1),
        lambda: crud.recipe.update(session, 1, RecipeUpdate(label="x"), user),
        lambda: crud.recipe.update(session, 1, RecipeUpdate(), user),
        lambda: crud.recipe.remove(session, 1, user),
    ):
        with pytest.raises(NotFound):
            act()


def test_hidden_rows_are_not_found_and_visible_ones_not_changeable(
    session: Session, user: User, superuser: User
) -> None:
    class Hidden(CRUDBase[Recipe, RecipeCreate, RecipeUpdate]):
        def visible(self, caller: Principal | None):  # type: ignore[no-untyped-def]
            return Recipe.submitter_id == (caller.id if caller else None)

    recipe = crud.recipe.create(session, SOUP, user)
    hidden = Hidden(Recipe)
    assert hidden.get(session, recipe.id, user) is recipe
    assert hidden.get(session, recipe.id, superuser) is None
    assert hidden.count(session, ListQuery(), superuser) == 0
    with pytest.raises(NotFound):
        hidden.update(session, recipe.id, RecipeUpdate(label="x"), superuser)
    stranger = User(id=superuser.id, is_superuser=False, roles="")
    with pytest.raises(NotAllowed):
        crud.recipe.remove(session, recipe.id, stranger)


def test_version_grows_with_each_change(session: Session, user: User) -> None:
    recipe = crud.recipe.create(session, SOUP, user)
    versions = [crud.recipe.update(session, recipe.id, RecipeUpdate(label=label), user).version for label in "abc"]
    assert versions == [2, 3, 4]
