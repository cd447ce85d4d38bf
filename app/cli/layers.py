"""Which part of the house a function belongs to."""

from collections import Counter
from pathlib import Path
from typing import Any

DRIVER = ("do_execute", "do_commit", "do_rollback", "do_begin", "fetchone", "fetchmany", "fetchall", "fetchval")
"""SQLAlchemy's functions that do nothing but call the driver, which has no Python to be seen in."""

LAYERS = {
    "/sqlalchemy/": "SQLAlchemy",
    "/app/middleware/": "middleware",
    "/app/crud/": "crud",
    "/app/db/": "crud",
    "/app/models/": "crud",
    "/app/api/solving.py": "solving",
    "/app/api/deps.py": "solving",
    "/app/api/query_string.py": "solving",
    "/fastapi/": "solving",
    "/starlette/middleware/": "middleware",
    "/app/schemas/": "serialisation",
    "/app/api/resource/shown.py": "serialisation",
    "/pydantic/type_adapter.py": "serialisation",
    "/pydantic/main.py": "serialisation",
    "/app/cli/": "other",
    "/app/": "endpoint",
}
"""The first that a file's path begins with. What is in none belongs to whatever calls it."""

HOUSE = str(Path(__file__).parent.parent)


def seconds_by_layer(frame: Any, above: str = "other") -> Counter[str]:
    """How long the functions of each layer took themselves, from a frame of pyinstrument down."""
    layer = _layer(frame.function, frame.file_path or "", above)
    found: Counter[str] = Counter()
    found[layer] += frame.total_self_time
    for child in frame.children:
        if not child.is_synthetic:
            found += seconds_by_layer(child, layer)
    return found


def _layer(function: str, path: str, above: str) -> str:
    if "/sqlalchemy/" in path and function in DRIVER:
        return "driver"
    place = path.replace(HOUSE, "/app", 1) if path.startswith(HOUSE) else path.rpartition("/site-packages")[2]
    return next((layer for part, layer in LAYERS.items() if place.startswith(part)), above)
