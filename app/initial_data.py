"""Plants what a fresh larder begins with: `python -m app.initial_data`."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import crud
from app.core import logging
from app.core.config import settings
from app.core.local_secrets import generated_password
from app.core.principal import SignedIn
from app.db.base import utc_now
from app.db.lock import take_turn
from app.db.session import WriteSessions
from app.models import Seed, User
from app.schemas.recipe import RecipeCreate
from app.schemas.user import UserCreate

TUTORIAL_RECIPES = (
    RecipeCreate(
        label="Chicken Vesuvio",
        source="Serious Eats",
        url="http://www.seriouseats.com/recipes/2011/12/chicken-vesuvio-recipe.html",
    ),
    RecipeCreate(
        label="Chicken Paprikash",
        source="No Recipes",
        url="http://norecipes.com/recipe/chicken-paprikash/",
    ),
    RecipeCreate(
        label="Cauliflower and Tofu Curry Recipe",
        source="Serious Eats",
        url="http://www.seriouseats.com/recipes/2011/02/cauliflower-and-tofu-curry-recipe.html",
    ),
)


def seed(session: Session) -> list[str]:
    """Plants each seed once in the life of a database and answers the names of those planted now.

    What was removed or changed since stays as it is: the table `seed` remembers, not the rows themselves.
    """
    take_turn(session.connection())
    known = set(session.scalars(select(Seed.name)))
    planted = [name for name in SEEDS if name not in known]
    for name in planted:
        SEEDS[name](session)
        session.add(Seed(name=name))
    return planted


def _plant_superuser(session: Session) -> None:
    if _first_superuser(session):
        return
    password = settings.FIRST_SUPERUSER_PASSWORD.get_secret_value()
    data = UserCreate(email=settings.FIRST_SUPERUSER_EMAIL, password=password, is_superuser=True)
    crud.user.create(session, data).email_verified_at = utc_now()  # the operator has said so


def _plant_recipes(session: Session) -> None:
    for recipe in TUTORIAL_RECIPES:
        crud.recipe.create(session, recipe, _first_superuser(session))


def _first_superuser(session: Session) -> SignedIn | None:
    user = session.scalar(select(User).where(User.email == settings.FIRST_SUPERUSER_EMAIL.lower()))
    return SignedIn.of(user.id, user.is_superuser, user.roles) if user else None


SEEDS: dict[str, Callable[[Session], None]] = {
    "first superuser": _plant_superuser,
    "tutorial recipes": _plant_recipes,
}


def main() -> None:
    logging.configure()
    with WriteSessions.begin() as session:
        planted = seed(session)
    password = generated_password(settings.DATA_DIR)
    if "first superuser" in planted and password == settings.FIRST_SUPERUSER_PASSWORD.get_secret_value():
        print(f"The first superuser is {settings.FIRST_SUPERUSER_EMAIL}, with the password {password}")


if __name__ == "__main__":
    main()
