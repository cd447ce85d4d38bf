"""Whether the database answers and has the schema that the models expect."""

from sqlalchemy import Engine, select

from app.db.base import Base
from app.db.engine import reading


def check_schema(engine: Engine) -> None:
    """Asks each table for its columns and no rows. Raises `Unavailable`, or whatever the driver has to say."""
    with reading(engine).connect() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(select(table).limit(0))
