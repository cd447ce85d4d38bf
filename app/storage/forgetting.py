"""Files go after the rows that had them."""

from app.jobs import Attempt, job
from app.storage.choosing import storage


@job
def forget_files(_: Attempt, keys: list[str]) -> None:
    for key in keys:
        storage().delete(key)
