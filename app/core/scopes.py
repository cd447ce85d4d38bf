"""What may be done: scopes, a line for each, and roles, which are named sets of them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

Scopes = frozenset["Scope"]


class Scope(StrEnum):
    """What a token may be good for (RFC 6749, section 3.3). Its value stands in tokens, its meaning in OpenAPI."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Scope":
        scope = str.__new__(cls, value)
        scope._value_ = value
        scope.meaning = meaning
        return scope

    recipes_read = "recipes:read", "Read recipes"
    recipes_write = "recipes:write", "Add recipes, and change your own"
    recipes_admin = "recipes:admin", "Change the recipes of all others, too"
    posts_read = "posts:read", "See pictures and videos"
    posts_write = "posts:write", "Add pictures and videos, and change your own"
    posts_admin = "posts:admin", "Change the pictures and videos of all others, too"
    comments_write = "comments:write", "Comment on recipes, and change and remove your comments"
    tasks_read = "tasks:read", "Read your tasks"
    tasks_write = "tasks:write", "Add tasks, and change your own"
    users_admin = "users:admin", "Manage accounts"
    account_read = "account:read", "See your account, where it is signed in, its keys and what happened to it"
    account_write = "account:write", "Change your account: its password and address, its sessions, its keys"


class Role(StrEnum):
    """What a superuser may give to an account."""

    editor = "editor"
    manager = "manager"


MEMBER = Scopes(
    {
        Scope.recipes_read,
        Scope.recipes_write,
        Scope.posts_read,
        Scope.posts_write,
        Scope.comments_write,
        Scope.tasks_read,
        Scope.tasks_write,
        Scope.account_read,
        Scope.account_write,
    }
)
"""What each account may do."""

ROLES: Mapping[str, Scopes] = {
    Role.editor: Scopes({Scope.recipes_admin, Scope.posts_admin}),
    Role.manager: Scopes({Scope.users_admin}),
}
"""What each role adds to that."""

EVERYTHING = Scopes(Scope)
"""What a superuser may do."""


@lru_cache(maxsize=1024)
def granted(is_superuser: bool, roles: str, asked: str | None = None) -> Scopes:
    """What an account may do: all, or of what was asked for.

    `roles` and `asked` are names separated by spaces. A role or scope that is no longer known counts for nothing.
    """
    own = EVERYTHING if is_superuser else MEMBER.union(*(ROLES.get(role, Scopes()) for role in roles.split()))
    return own if asked is None else own.intersection(asked.split())


def in_words(scopes: Iterable[str]) -> str:
    return " ".join(sorted(scopes))
