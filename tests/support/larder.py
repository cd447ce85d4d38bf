"""Two workers and their database, in which each test has a recipe of its own."""

from sqlalchemy import Engine

from app.core.security import AccessToken, write_access_token
from app.crud import feed
from app.db.session import OwnSession
from tests.support.own_service import as_superuser
from tests.support.service import Service
from tests.support.stream import Stream

PATH = "/api/v1/recipes/{}/comments/stream"


class Larder:
    def __init__(self, service: Service, engine: Engine) -> None:
        self.service = service
        self.engine = engine

    def new_recipe(self) -> int:
        soup = {"label": "Soup", "source": "Aunt", "url": "https://example.com/"}
        answer = self.service.client.post("/api/v1/recipes", json=soup, headers=as_superuser())
        assert answer.status_code == 201
        recipe_id: int = answer.json()["id"]
        return recipe_id

    def write(self, recipe_id: int, *comment_ids: int) -> None:
        """An event for each, in one transaction."""
        with OwnSession(self.engine) as session:
            for comment_id in comment_ids:
                feed.record(session, recipe_id, "comment.created", comment_id)
            session.commit()

    def stream(self, recipe_id: int, last: int | None = None, headers: dict[str, str] | None = None) -> Stream:
        resumed = {} if last is None else {"Last-Event-ID": str(last)}
        return Stream(self.service.port, PATH.format(recipe_id), {**resumed, **(headers or {})}).begin()

    def comment(self, recipe_id: int, text: str) -> int:
        answer = self.service.client.post(comments(recipe_id), json={"text": text}, headers=as_superuser())
        assert answer.status_code == 201, answer.text
        comment_id: int = answer.json()["id"]
        return comment_id


def comments(recipe_id: int) -> str:
    return f"/api/v1/recipes/{recipe_id}/comments"


def token(seconds: float, session_id: int = 1) -> dict[str, str]:
    """The headers of the first superuser for so long."""
    text, _ = write_access_token(AccessToken(1, session_id), seconds)
    return {"Authorization": f"Bearer {text}"}
