"""A form counts only if a page of this site sent it.

As OWASP's Cross-Site Request Forgery Prevention Cheat Sheet has it: by `Sec-Fetch-Site`, or else by `Origin`. A browser
sends at least one of the two with each POST, and no page can change either.
"""

from fastapi import Depends, Request

from app.core.config import settings
from app.core.errors import NotAllowed


class SameOrigin:
    """Refuses what another site had a browser send, and what says nothing of where it comes from."""

    def __init__(self, *also: str) -> None:
        self._also = also

    async def __call__(self, request: Request) -> None:
        site = request.headers.get("Sec-Fetch-Site")
        if site is None:
            own = (str(request.base_url).rstrip("/"), settings.PUBLIC_URL, *self._also)
            is_own = request.headers.get("Origin") in own
        else:
            is_own = site in ("same-origin", "none")  # none: the user's own doing, such as to reload
        if not is_own:
            raise NotAllowed("This was not sent from a page of this site. Please send it once more from here")


SAME_ORIGIN = Depends(SameOrigin())

WITH_TOKEN = Depends(SameOrigin("null"))
"""For forms whose power is in the token of a mailed link, which nobody else has. Where a page must not tell its address
(`Referrer-Policy: no-referrer`), browsers do not tell its origin either, and older ones send nothing but "null"."""
