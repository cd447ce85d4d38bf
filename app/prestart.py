"""What comes before each start: `python -m app.prestart`. One process, because each takes half a second to begin."""

from alembic.config import main as alembic

from app import initial_data
from app.backend_pre_start import wait_for_database

if __name__ == "__main__":
    wait_for_database()
    alembic(["upgrade", "head"])
    initial_data.main()
