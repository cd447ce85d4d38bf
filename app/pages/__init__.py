"""The HTML pages: no version, nothing from elsewhere, and JavaScript only for what has no other way."""

from app.pages import (
    account,
    api_key,
    assets,
    comment,
    docs,
    email,
    login,
    media,
    password,
    post,
    recipe,
    second_factor,
    signup,
    single_sign_on,
)
from app.pages.errors import error_page

__all__ = ["error_page", "routers"]

routers = (
    recipe.router,
    media.router,
    post.router,
    comment.router,
    signup.router,
    login.router,
    single_sign_on.router,
    password.router,
    email.router,
    account.router,
    second_factor.router,
    api_key.router,
    docs.router,
    assets.router,
)
