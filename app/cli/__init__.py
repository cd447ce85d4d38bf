"""The command line, for operators: `larder import recipes FILE`, `larder export recipes`, `larder jobs list`, ...

It works on the database of the settings, and may do whatever the one who runs it could do there by hand. Exit status:
0 when it is done, 1 when it was refused and nothing was done, 2 when the command itself is wrong.
"""

import typer

from app.cli import contract, jobs, profile, sweep, transfer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
for commands in (transfer, sweep, contract, profile):
    app.add_typer(commands.app)
app.add_typer(jobs.app, name="jobs")
