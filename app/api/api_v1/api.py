"""The list of routers, which is the list of resources."""

from app.api.api_v1.endpoints import auth, ideas, recipe, user

routers = [auth.router, ideas.router, recipe.router, user.router]
