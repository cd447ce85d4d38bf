"""The secrets of a local start without settings: made once, kept in a file that only its owner can read."""

import os
import secrets
from pathlib import Path

FILE_NAME = "local.env"


def local_secrets(directory: Path) -> dict[str, str]:
    """The generated SECRET_KEY and FIRST_SUPERUSER_PASSWORD of `directory`; made there by the first who asks.

    Several processes may ask at once: the file appears whole or not at all, and the first one wins.
    """
    file = directory / FILE_NAME
    if not file.exists():
        _make(file)
    lines = file.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"SECRET_KEY={secrets.token_hex(32)}\n")
        stream.write(f"FIRST_SUPERUSER_PASSWORD={secrets.token_urlsafe(15)}\n")
    try:
        os.link(draft, file)  # unlike a rename, a link never replaces what somebody else just made
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def generated_password(directory: Path) -> str | None:
    """The superuser password that was made for a local start, if one was."""
    return local_secrets(directory).get("FIRST_SUPERUSER_PASSWORD") if (directory / FILE_NAME).exists() else None
