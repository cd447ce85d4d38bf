"""`larder sweep`: what nobody needs any more."""

import typer

from app.cli.console import errors, refusals
from app.sweeps import SWEEPS

app = typer.Typer()


@app.command()
def sweep() -> None:
    """Throws away what nobody can ask for any more: expired sessions, jobs given up long ago, and so on."""
    for name, sweep in SWEEPS.items():
        with refusals(""):
            count = sweep()
        errors.print(f"{name}: {count}")
