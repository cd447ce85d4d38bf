"""`larder profile`: where a request's time goes."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli.caller import As
from app.cli.console import fail, refusals
from app.cli.in_process import Answer, credentials, get, jobs_inline
from app.cli.layers import seconds_by_layer
from app.cli.statements import Statements, statements
from app.core.logging import OUTPUT
from app.main import app as service

app = typer.Typer()

WARM = 20
"""Requests before those that count: statements are compiled, connections opened."""

INTERVAL = 0.0001
"""Seconds between two looks at what is running."""


@app.command()
def profile(
    target: Annotated[str, typer.Argument(metavar="PATH", help="Such as '/api/v1/recipes?q=soup'")],
    number: Annotated[int, typer.Option("--requests", "-n", min=1, max=100_000)] = 300,
    email: As = None,
) -> None:
    """Sends GET requests to itself, and shows which layer, function and statement they spend their time in."""
    if find_spec("pyinstrument") is None:
        fail("this takes the package pyinstrument, which is not installed: pip install 'larder[profile]'")
    from pyinstrument import Profiler  # noqa: PLC0415 - only who profiles has it

    profiler = Profiler(INTERVAL)
    with refusals(""), _unseen_log(), credentials(email) as headers, jobs_inline():

        async def ask() -> tuple[Answer, float, Statements]:
            async with service.router.lifespan_context(service):
                answer = await _repeat(WARM, lambda: get(service, target, headers))
                with statements() as found:
                    begin = time.perf_counter()
                    await _repeat(number, lambda: get(service, target, headers))
                    seconds = time.perf_counter() - begin
                with profiler:
                    await _repeat(number, lambda: get(service, target, headers))
                return answer, seconds, found

        answer, seconds, found = asyncio.run(ask())
    session = profiler.last_session
    root = session.root_frame() if session else None
    if answer.status >= 400 or root is None:
        fail(f"GET {target} is answered with {answer.status}: {answer.body.decode(errors='replace')[:500]}")
        return
    console = Console(highlight=False)
    console.print(
        f"GET {target}: {answer.status}, {len(answer.body)} bytes, {_ms(seconds / number)} ms without profiler"
    )
    console.print(_layers(seconds_by_layer(root)), _statements(found, number))
    print(profiler.output_text(unicode=console.encoding == "utf-8", color=console.is_terminal))


@contextmanager
def _unseen_log() -> Generator[None]:
    """Its lines are written, as they are a part of each request, but not among what is shown."""
    with Path(os.devnull).open("w") as nowhere:
        before = OUTPUT.setStream(nowhere)
        try:
            yield
        finally:
            OUTPUT.setStream(before or sys.stdout)


async def _repeat(number: int, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    for _ in range(number - 1):
        await ask()
    return await ask()


def _layers(seconds: Mapping[str, float]) -> Table:
    table = Table("layer", "share", title="Where the time goes", title_justify="left")
    whole = sum(seconds.values())
    for layer, own in sorted(seconds.items(), key=lambda one: -one[1]):
        table.add_row(layer, f"{own / whole:.0%}")
    return table


def _statements(found: Statements, number: int) -> Table:
    table = Table("a request", "ms each", "statement", title="Statements", title_justify="left")
    for text, cost in sorted(found.items(), key=lambda one: -one[1].seconds):
        table.add_row(f"{cost.times / number:.1f}", _ms(cost.seconds / cost.times), text)
    return table


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3f}"
