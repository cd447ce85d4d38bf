"""A small picture of a large one, made in the background."""

from app.core.errors import Invalid, NotFound
from app.crud import crud_post
from app.db.session import ReadSessions, WriteSessions
from app.jobs import Attempt, Hopeless, job
from app.media.kind import Kind, thumbnail_of
from app.media.workshop import work
from app.storage.choosing import storage


@job
def make_thumbnail(_: Attempt, id: int) -> None:
    """Each attempt writes the same file under the same key. Of videos there is none."""
    with ReadSessions() as session:
        found = crud_post.key_of(session, id)
    if found is None or not Kind(found[1]).is_picture:
        return
    key = thumbnail_of(found[0])
    try:
        with storage().open(found[0]) as picture, work("thumbnail", picture).file as small:
            storage().put(key, small, Kind.webp)
    except (Invalid, NotFound) as error:
        raise Hopeless(error.detail) from error
    with WriteSessions.begin() as session:
        noted = crud_post.note_thumbnail(session, id, key)
    if not noted:  # the post went meanwhile
        storage().delete(key)
