"""Ideas for recipes from elsewhere: how to call another service from a sync and from an async endpoint."""

from typing import Annotated

from fastapi import Depends, Request

from app.api.cached import cached, rights
from app.api.deps import get_superuser
from app.api.problems import problems
from app.api.routing import Router
from app.clients.reddit import Reddit

router = Router("/api/v1/recipes/ideas", tags=["ideas"])


async def get_reddit(request: Request) -> Reddit:
    reddit: Reddit = request.app.state.reddit
    return reddit


RedditDep = Annotated[Reddit, Depends(get_reddit)]


@router.get("", name="list", responses=problems(502, 504))
@cached(ttl=60, stale=600)
def ideas(reddit: RedditDep) -> dict[str, list[str]]:
    """The top posts of some subreddits, one after the other."""
    return reddit.top_posts()


@router.get("/async", name="list_async", dependencies=[Depends(get_superuser)], responses=problems(401, 403, 502, 504))
@cached(ttl=60, stale=600, by=rights)
async def ideas_async(reddit: RedditDep) -> dict[str, list[str]]:
    """The same, all at once, for superusers."""
    return await reddit.top_posts_at_once()
