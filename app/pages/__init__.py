"""The HTML pages: no version, nothing from elsewhere, and JavaScript only where the API is documented."""

from app.pages import assets, docs, recipe
from app.pages.html import error_page

__all__ = ["error_page", "routers"]

routers = (recipe.router, docs.router, assets.router)
