"""The same application, on a server that waits less long for the head of a request."""

from app.protocols import http
from tests.support.echo import app

__all__ = ["app"]

http.HEAD_TIME = 0.5
