"""The HTTP contract, as recipes keep it."""

from fastapi.testclient import TestClient

from app.models import User
from tests.conftest import as_user

SOUP = {"label": "Pea soup", "source": "Grandmother", "url": "https://example.com/pea-soup"}
PATH = "/api/v1/recipes"


def test_created_recipe_is_found_where_location_says(client: TestClient, user: User) -> None:
    created = client.post(PATH, json=SOUP, headers=as_user(user))
    assert created.status_code == 201, created.text
    assert created.json() | SOUP == created.json()
    assert client.get(created.headers["Location"]).json() == created.json()
