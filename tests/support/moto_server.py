"""S3, as moto's server speaks it, in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx2

from tests.support import free_port, wait_until


@contextmanager
def moto_server() -> Iterator[str]:
    """Its address, with an empty bucket named `larder`."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(url), 60)
        assert httpx2.put(f"{url}/larder").status_code == 200
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"{url}/moto-api/").status_code == 200
    return False
