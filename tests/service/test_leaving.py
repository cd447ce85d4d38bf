"""Who resets his connection, whatever he had asked for and not taken: no fault of ours, and nothing for the log."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.db.session import make_engine
from tests.support.larder import PATH, Larder
from tests.support.own_service import as_superuser, own_service
from tests.support.talk import UPGRADE

ROWS = 20_000
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "1000000"}


def asked(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**as_superuser(), **(headers or {})}.items())
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode() + body


@contextmanager
def takes_nothing(port: int, said: bytes) -> Iterator[None]:
    """Somebody who asks, does not read, and resets the connection in the end."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.connect(("127.0.0.1", port))
        connection.sendall(said)
        yield


@pytest.mark.slow
def test_who_leaves_what_he_asked_for_is_no_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/larder.db"
    with own_service(url, DATA_DIR=tmp_path) as service:
        larder = Larder(service, engine := make_engine(url))
        recipe = larder.new_recipe()
        comment, live = larder.comment(recipe, "x" * 5000), f"/api/v1/recipes/{recipe}/live"
        soup = {"label": "Soup" * 20, "source": "Aunt" * 20, "url": "https://example.com/"}
        rows = "".join(json.dumps({**soup, "url": f"https://example.com/{place}"}) + "\n" for place in range(ROWS))
        kind = {"Content-Type": "application/jsonl"}
        service.client.post("/api/v1/recipes/import", content=rows, headers=as_superuser() | kind).raise_for_status()
        requests = [
            asked("GET", "/api/v1/recipes/export"),
            asked("GET", "/api/v1/recipes/export") * 50,
            asked("GET", "/api/v1/openapi.json") * 50,
            asked("GET", "/api/v1/recipes?limit=100", {"Accept": "text/html"}) * 50,
            asked("GET", PATH.format(recipe)),
            asked("GET", live, UPGRADE),
            asked("POST", "/api/v1/recipes/import", {**kind, "Content-Length": "1000000"}, rows[:1000].encode()),
            asked("POST", "/api/v1/posts", MULTIPART, FORM + bytes(200_000)),
            asked("POST", "/api/v1/recipes", {"Content-Length": "100", "Content-Type": "application/json"}, b'{"'),
            asked("POST", "/api/v1/recipes", {"Content-Length": "0"}) * 50,
        ]
        for after in (0, 0.01, 0.1, 0.5):
            for one in requests:
                with takes_nothing(service.port, one):
                    larder.write(recipe, *[comment] * 20)
                    time.sleep(after)
        engine.dispose()
        assert service.client.get("/health/ready").status_code == 200
        assert service.terminate() == 0
        assert service.output == ""
