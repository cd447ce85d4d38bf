"""`python -m app.cli` is `larder`."""

from app.cli import app

app(prog_name="larder")
