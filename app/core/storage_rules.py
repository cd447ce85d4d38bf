"""What a storage takes beside its name."""

from collections.abc import Set
from importlib.util import find_spec

NEEDS: dict[str, tuple[set[str], str]] = {
    "s3": ({"S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}, "obstore"),
    "imagekit": ({"IMAGEKIT_PRIVATE_KEY", "IMAGEKIT_URL_ENDPOINT"}, "imagekitio"),
}


def lack_of_storage(storage: str, given: Set[str]) -> str | None:
    """Why it cannot be used."""
    if storage not in NEEDS:
        return None
    names, package = NEEDS[storage]
    if missing := sorted(names - given):
        return f"{' and '.join(missing)} must be set as well with this STORAGE"
    if find_spec(package) is None:
        return f"STORAGE takes the package {package}, which is not installed: pip install 'larder[{storage}]'"
    return None
