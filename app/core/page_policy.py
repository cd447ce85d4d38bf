"""What a page may load and run, as its Content-Security-Policy says."""

from app.core.media_url import media_origin

MEDIA = " ".join(["'self'", *filter(None, [media_origin()])])
"""Where pictures and videos may come from."""

POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    f"style-src 'self'; img-src {MEDIA} data:; media-src {MEDIA}"
)
WITH_SCRIPT = f"{POLICY}; script-src 'self'; connect-src 'self'"
"""Of a page that has a script of ours, and that asks this service for more."""
