"""ImageKit, as far as its upload, list and delete APIs are used here: https://imagekit.io/docs/api-reference."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PRIVATE_KEY = "private_for_tests"


class ImageKitServer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]
    """By their names, which are their numbers too."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/v1/files":
            content = self.files.get(url.path.removeprefix("/files/posts/"))
            return self._answer(404, b"") if content is None else self._answer(200, content)
        if not self._may():
            return None
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        named = re.fullmatch('name = "(.+)"', asked.get("searchQuery", ""))
        names = [name for name in sorted(self.files) if not named or name == named[1]]
        page = names[int(asked.get("skip", 0)) :][: int(asked["limit"])]
        rows = [{"type": "file", "name": name, "fileId": name, "createdAt": "2026-01-01T00:00:00Z"} for name in page]
        return self._answer(200, json.dumps(rows).encode())

    def do_POST(self) -> None:
        if not self._may():
            return
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = message_from_bytes(head + self._body(), policy=HTTP)
        parts = {part.get_param("name", header="Content-Disposition"): part for part in form.iter_parts()}
        texts = {name: part.get_content() for name, part in parts.items() if name != "file"}
        assert urlsplit(self.path).path == "/api/v1/files/upload"
        assert (texts["folder"].strip(), texts["useUniqueFileName"].strip()) == ("/posts", "false")
        self.files[texts["fileName"].strip()] = bytes(parts["file"].get_payload(decode=True))
        self._answer(200, json.dumps({"fileId": "1", "name": texts["fileName"].strip()}).encode())

    def do_DELETE(self) -> None:
        if self._may():
            self._answer(204 if self.files.pop(self.path.rpartition("/")[2], None) is not None else 404, b"")

    def _may(self) -> bool:
        given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic "))
        if given.startswith(f"{PRIVATE_KEY}:".encode()):
            return True
        self._body()
        self._answer(401, b'{"message": "Your request is not authenticated"}')
        return False

    def _body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def imagekit_server() -> Iterator[str]:
    handler = type("Handler", (ImageKitServer,), {"files": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
