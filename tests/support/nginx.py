"""The machine's nginx with the configuration that is shipped, in which only ports and places are others."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from tests.support import ROOT, free_port, wait_until

SOURCE = ROOT / "deploy" / "nginx"
SPOOLS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx:
    """In front of services on these ports of 127.0.0.1, for as long as the context lasts. Skips where there is none."""

    def __init__(self, *ports: int) -> None:
        self.ports = ports
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}"

    def __enter__(self) -> Self:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.skip("no nginx")
        self._directory = tempfile.TemporaryDirectory(prefix="larder-nginx-")
        self.path = Path(self._directory.name)
        self.path.chmod(0o755)  # its workers are another user
        subprocess.run([ROOT / "deploy" / "secrets.sh", self.path / "tls"], check=True, capture_output=True)
        self._configure()
        command = [program, "-p", f"{self.path}/", "-c", "nginx.conf", "-e", "errors", "-g", "daemon off;"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.tls = ssl.create_default_context(cafile=self.path / "tls" / "certificate.pem")
        try:
            # Its workers answer from then on.
            wait_until(lambda: (self.path / "pid").exists() or self._process.poll() is not None)
            assert self._process.poll() is None, self.errors
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        self._directory.cleanup()

    def client(self, address: str = "127.0.0.1") -> httpx2.Client:
        """Somebody with this address, one of 127.0.0.0/8."""
        transport = httpx2.HTTPTransport(verify=self.tls, local_address=address)
        return httpx2.Client(base_url=f"https://127.0.0.1:{self.port}", transport=transport, timeout=60)

    @property
    def errors(self) -> str:
        return (self.path / "errors").read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.path / "log").read_text().splitlines()]

    def _configure(self) -> None:
        text = (SOURCE / "nginx.conf").read_text()
        spools = "".join(f"{name}_temp_path {self.path}/{name};\n" for name in SPOOLS)
        for old, new in {
            "http {\n": f"http {{\n{spools}",
            "/run/nginx.pid": f"{self.path}/pid",
            "/dev/stderr": f"{self.path}/errors",
            "/dev/stdout": f"{self.path}/log",
            "listen 80 ": f"listen 127.0.0.1:{self.plain_port} ",
            "listen [::]:80 ": f"listen [::1]:{self.plain_port} ",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "listen [::]:443 ": f"listen [::1]:{self.port} ",
        }.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        if not Path("/proc/net/if_inet6").exists():
            text = re.sub(r"listen \[::1\].*\n", "", text)
        (self.path / "nginx.conf").write_text(text)
        upstream = (SOURCE / "upstream.conf").read_text()
        [server] = re.findall(r"^ *server .*\n", upstream, re.MULTILINE)
        servers = [server.replace(":8000", f":{port}") for port in self.ports]
        (self.path / "upstream.conf").write_text(upstream.replace(server, "".join(servers)))
