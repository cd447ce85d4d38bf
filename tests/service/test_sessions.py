"""What ends a session ends it everywhere."""

from tests.support.service import Service


def test_ended_session_is_over_for_every_worker(url: str) -> None:
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=2, LOG_LEVEL="WARNING") as service:
        form = {"username": "admin@example.com", "password": "only for the tests"}
        token = service.client.post("/api/v1/auth/login", data=form).json()["access_token"]
        # Each on a connection of its own, so that both workers get some.
        headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        statuses = [service.client.get("/api/v1/recipes", headers=headers).status_code for _ in range(20)]
        assert set(statuses) == {200}
        assert service.client.post("/api/v1/auth/logout", headers=headers).status_code == 204
        statuses = [service.client.get("/api/v1/recipes", headers=headers).status_code for _ in range(20)]
        assert set(statuses) == {401}
