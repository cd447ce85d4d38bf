"""`larder openapi`: what the API promises, in a file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import errors
from app.contract.changes import breaking_changes
from app.main import app as service

CONTRACT = Path(__file__).parent.parent.parent / "openapi" / "v1.json"

app = typer.Typer()


@app.command()
def openapi(file: Annotated[Path, typer.Argument(help="Where the contract is kept")] = CONTRACT) -> None:
    """Writes down what the API promises; refuses where that breaks what it has promised before."""
    document = service.openapi()
    if file.exists():
        changes = breaking_changes(json.loads(file.read_text()), document)
        if changes:
            for change in changes:
                errors.print(change, markup=False)
            errors.print("This would break clients, so the contract was left as it is")
            raise typer.Exit(1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
