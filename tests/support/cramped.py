"""The same application, with room for two listeners from one address."""

from app.live import hub
from app.main import app

__all__ = ["app"]

hub.SHARE = 2
