"""What the YAML files of deploy/ say."""

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]
