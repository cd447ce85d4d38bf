"""nginx with the configuration that is shipped, in front of two workers: what it promises, over TLS."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from app.core.config import Settings
from app.middleware.security_headers import HEADERS
from tests.support import ROOT, free_port, wait_until
from tests.support.nginx import Nginx
from tests.support.own_service import as_superuser
from tests.support.service import Service

RECIPES = "/api/v1/recipes"
PEA_SOUP = {"label": "Pea soup", "source": "Grandmother", "url": "https://example.com/pea-soup"}
CLAIMS = ("203.0.113.7", "203.0.113.8", "203.0.113.9")
CONFIGURATION = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text()


@pytest.fixture
def client(nginx: Nginx) -> Iterator[httpx2.Client]:
    with nginx.client() as client:
        yield client


@contextmanager
def connected(nginx: Nginx, address: str) -> Iterator[ssl.SSLSocket]:
    """A connection over TLS from this address, which hurries nobody."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.bind((address, 0))
        plain.connect(("127.0.0.1", nginx.port))
        with nginx.tls.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.settimeout(30)
            yield connection


def requests_of(service: Service, **fields: object) -> list[dict[str, Any]]:
    """The lines of its log about requests with these fields."""
    lines = [json.loads(line) for line in service.output.splitlines() if '"event":"request"' in line]
    return [line for line in lines if fields.items() <= line.items()]


def problem(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["X-Request-ID"]
    return document


# TLS


def test_http_2_over_tls(nginx: Nginx) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl, to speak HTTP/2")
    command = [curl, "-sS", "--http2", "--cacert", f"{nginx.path}/tls/certificate.pem", "-o", "/dev/null"]
    versions = ["-w", "%{http_version} %{http_code}", f"{nginx.url}{RECIPES}"]
    assert subprocess.check_output([*command, *versions], text=True) == "2 200"


def test_old_tls_is_refused(nginx: Nginx) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", nginx.port)) as plain, pytest.raises(ssl.SSLError, match="VERSION"):
        old.wrap_socket(plain)


def test_http_is_sent_to_https(nginx: Nginx) -> None:
    answer = httpx2.get(f"http://localhost:{nginx.plain_port}{RECIPES}?q=a", trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://localhost{RECIPES}?q=a")


# Who asks


def test_true_address_reaches_log_and_limits_whatever_the_client_claims(nginx: Nginx, service: Service) -> None:
    statuses = []
    for claimed in CLAIMS:
        headers = {"X-Forwarded-For": f"{claimed}, 127.0.0.1", "Forwarded": f"for={claimed}", "X-Real-IP": claimed}
        with nginx.client("127.0.0.9") as client:
            answer = client.post("/api/v1/auth/signup", json={}, headers={**headers, "X-Request-ID": f"to-{claimed}"})
        statuses.append(answer.status_code)
    wait_until(lambda: all(requests_of(service, request_id=f"to-{claimed}", client="127.0.0.9") for claimed in CLAIMS))
    assert statuses == [422, 422, 429]
    with nginx.client("127.0.0.10") as another:
        assert another.post("/api/v1/auth/signup", json={}).status_code == 422
    assert "203.0.113" not in service.output.replace("to-203.0.113", "")


def test_both_logs_know_a_request_by_one_id_and_neither_has_its_query(
    nginx: Nginx, service: Service, client: httpx2.Client
) -> None:
    answer = client.get(RECIPES, params={"q": "hush"})
    id = answer.headers["X-Request-ID"]
    wait_until(lambda: [line for line in nginx.log if line["request_id"] == id])
    [line] = [line for line in nginx.log if line["request_id"] == id]
    assert (line["method"], line["path"], line["status"], line["client"]) == ("GET", RECIPES, 200, "127.0.0.1")
    wait_until(lambda: requests_of(service, request_id=id))
    assert "hush" not in (nginx.path / "log").read_text()


# What is refused


def test_body_beyond_what_the_service_takes_is_a_problem_and_does_not_reach_it(
    service: Service, client: httpx2.Client
) -> None:
    answer = client.post(RECIPES, content=b"x" * (1024 * 1024 + 1), headers={"X-Request-ID": "too-large"})
    assert (answer.status_code, problem(answer)["instance"]) == (413, RECIPES)
    assert not requests_of(service, request_id="too-large")


def test_imports_may_be_as_large_as_the_service_takes_them(client: httpx2.Client) -> None:
    line = json.dumps(PEA_SOUP | {"label": "x" * 200}).encode() + b"\n"
    lines = line * (2 * 1024 * 1024 // len(line))
    headers = as_superuser() | {"Content-Type": "application/jsonl"}
    answer = client.post(f"{RECIPES}/import?dry_run=true", content=lines, headers=headers)
    assert answer.status_code == 200, answer.text


def test_limits_are_those_of_the_settings() -> None:
    def seconds(directive: str) -> list[int]:
        return [int(found) for found in re.findall(rf"\b{directive} (\d+)s;", CONFIGURATION)]

    sizes = [int(size) * 1024**2 for size in re.findall(r"client_max_body_size (\d+)m;", CONFIGURATION)]
    default = {name: field.default for name, field in Settings.model_fields.items()}
    assert sizes[0] == default["MAX_BODY_SIZE"]
    assert {default["MAX_IMPORT_SIZE"], default["MAX_UPLOAD_SIZE"] + 1024**2} <= {*sizes}
    ordinary, for_imports, *_ = seconds("proxy_read_timeout")
    assert default["REQUEST_TIMEOUT"] < ordinary
    assert default["IMPORT_TIMEOUT"] <= for_imports


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"{RECIPES}?q={'x' * 9000}", {}, 414),
        (RECIPES, {"X-Large": "x" * 9000}, 431),
        (RECIPES, {f"X-{number}": "x" * 7000 for number in range(5)}, 431),
    ],
    ids=["target", "header", "headers"],
)
def test_long_head_is_a_problem(client: httpx2.Client, path: str, headers: dict[str, str], status: int) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    problem(answer)


def test_flood_from_one_address_is_slowed_and_others_are_not(nginx: Nginx) -> None:
    count = 600
    with connected(nginx, "127.0.0.12") as flood:
        flood.sendall(b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" * (count - 1))
        flood.sendall(b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: flood.recv(65536), b""))
        with nginx.client("127.0.0.11") as another:
            assert another.get(RECIPES).status_code == 200
    statuses = Counter(re.findall(rb"HTTP/1.1 (\d+) ", answers))
    assert statuses.keys() == {b"404", b"429"}
    assert statuses[b"404"] + statuses[b"429"] == count
    refusal = answers[answers.index(b"HTTP/1.1 429") :].split(b"\r\n\r\n")[0]
    assert b"application/problem+json" in refusal
    assert b"Retry-After: 1" in refusal


@pytest.mark.parametrize(("path", "kind"), [(RECIPES, "application/problem+json"), ("/", "text/html")])
def test_service_that_is_gone_is_a_problem_or_a_page(path: str, kind: str) -> None:
    with Nginx(free_port()) as nginx, nginx.client() as client:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Content-Type"], answer.headers["Retry-After"]) == (502, kind, "1")


# Slow clients


def connections_to(port: int) -> int:
    """How many connections the service holds."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(fields[1].endswith(f":{port:04X}") and fields[3] == "01" for fields in lines)


def test_body_that_comes_slowly_reaches_the_service_when_it_is_whole(nginx: Nginx, service: Service) -> None:
    body = json.dumps(PEA_SOUP).encode()
    headers = {"Host": "localhost", "Content-Length": len(body), "Content-Type": "application/json", **as_superuser()}
    head = f"POST {RECIPES} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with ExitStack() as stack:
        before = connections_to(service.port)
        slow = [stack.enter_context(connected(nginx, "127.0.0.13")) for _ in range(30)]
        for connection in slow:
            connection.sendall(head.encode() + b"\r\n" + body[:-1])
        time.sleep(0.5)
        assert connections_to(service.port) <= before
        for connection in slow:
            connection.sendall(body[-1:])
        assert {connection.recv(12) for connection in slow} == {b"HTTP/1.1 201"}


def test_answer_that_is_read_slowly_has_left_the_service(nginx: Nginx, service: Service) -> None:
    with connected(nginx, "127.0.0.13") as slow:
        slow.sendall(b"GET /static/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: slow\r\n\r\n")
        wait_until(lambda: requests_of(service, request_id="slow", status=200))


# Live pages


@contextmanager
def by_hand(path: str, headers: str = "") -> Iterator[tuple[ssl.SSLSocket, socket.socket, bytes]]:
    """The two ends of a request, of which a test itself is the service; and how it came there."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Nginx(listener.getsockname()[1]) as nginx,
        connected(nginx, "127.0.0.14") as client,
    ):
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        listener.settimeout(10)
        service, _ = listener.accept()
        with service:
            yield client, service, service.recv(65536)


def test_events_pass_as_they_come() -> None:
    with by_hand(f"{RECIPES}/1/comments/stream", "Last-Event-ID: 7\r\n") as (client, service, request):
        assert b"\r\nLast-Event-ID: 7\r\n" in request
        service.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in (b"first", b"second"):
            service.sendall(b"%x\r\ndata: %b\n\n\r\n" % (len(event) + 8, event))
            received = b""
            while event not in received:
                received += client.recv(65536)


def test_websocket_passes_both_ways_and_with_where_it_comes_from() -> None:
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://localhost\r\nX-Forwarded-For: 203.0.113.7\r\n"
    )
    with by_hand(f"{RECIPES}/1/live", upgrade) as (client, service, request):
        lines = request.decode().lower().split("\r\n")
        assert {"upgrade: websocket", "connection: upgrade", "origin: https://localhost", "host: localhost"} <= {*lines}
        assert [line for line in lines if "forwarded" in line] == [
            "x-forwarded-for: 127.0.0.14",
            "x-forwarded-proto: https",
        ]
        service.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 101")
        for one, other in ((client, service), (service, client)):
            one.sendall(b"\x81\x02hi")
            assert other.recv(65536) == b"\x81\x02hi"


def test_live_pages_reach_the_service(nginx: Nginx, client: httpx2.Client) -> None:
    path = client.post(RECIPES, json=PEA_SOUP, headers=as_superuser()).headers["Location"]
    uri = f"wss://localhost:{nginx.port}{path}/live"
    with (
        client.stream("GET", f"{path}/comments/stream") as stream,
        connect(uri, ssl=nginx.tls, origin=Origin("https://localhost"), proxy=None) as talk,
        nginx.client() as writer,
    ):
        lines = stream.iter_lines()
        assert "event: ready" in lines
        assert writer.post(f"{path}/comments", json={"text": "Mmh"}, headers=as_superuser()).status_code == 201
        assert "event: comment.created" in lines
        while json.loads(talk.recv(timeout=10))["type"] != "comment.created":
            pass


# What is sent


def test_json_is_compressed_and_events_and_secrets_are_not(client: httpx2.Client) -> None:
    for _ in range(10):
        assert client.post(RECIPES, json=PEA_SOUP, headers=as_superuser()).status_code == 201
    answer = client.get(RECIPES)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    login = client.get("/login")
    assert (login.status_code, "Content-Encoding" in login.headers) == (200, False)


def test_version_of_a_compressed_row_is_still_good_for_a_change(client: httpx2.Client) -> None:
    made = client.post(RECIPES, json=PEA_SOUP | {"url": f"https://example.com/{'x' * 1500}"}, headers=as_superuser())
    path = made.headers["Location"]
    read = client.get(path)
    assert read.headers["Content-Encoding"] == "gzip"
    assert read.headers["ETag"] == 'W/"1"'
    changed = client.patch(path, json={"label": "New"}, headers=as_superuser() | {"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200
    stale = client.patch(path, json={"label": "Newer"}, headers=as_superuser() | {"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412


@pytest.mark.parametrize("path", ["/", RECIPES, "/api/v1/nothing", f"{RECIPES}?q={'x' * 9000}"])
def test_headers_are_sent_once(client: httpx2.Client, path: str) -> None:
    answer = client.get(path)
    names = [name.decode().title() for name, _ in answer.headers.raw]
    own = {"Date", "Server", "X-Request-Id", "X-Content-Type-Options", "Strict-Transport-Security"}
    assert own <= set(names)
    for name in own | {header.title() for header in HEADERS}:
        assert names.count(name) <= 1, name
    assert answer.headers["Server"] == "nginx"


def test_gixy_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "gixy", "--format", "json", ROOT / "deploy" / "nginx" / "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
