"""How what a request costs grows with rows, pages, resources, clients and workers, as Markdown tables."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import create_engine, text

from bench.measure import Load, conditions, measure, table
from bench.work import CLIENTS, RECIPES, ROWS, SETTINGS, WORKERS, drawn, migrate, parser
from tests.support.postgres import fresh_database, postgres_server
from tests.support.service import Service

FILL = """
    SET LOCAL session_replication_role = replica; -- every submitter is there: no need to look for each
    INSERT INTO "user" (email, hashed_password, first_name, is_active, is_superuser, token_generation,
                        created_at, updated_at, version)
    SELECT 'user' || n || '@example.com', md5(n::text), 'User number ' || n, true, false, 1, now(), now(), 1
    FROM generate_series(1, 1000) AS n;
    INSERT INTO recipe (label, url, source, submitter_id, created_at, updated_at, version)
    SELECT (ARRAY['Chicken', 'Lentil', 'Tomato', 'Potato', 'Rice'])[n % 5 + 1] || ' recipe ' || md5(n::text),
           'https://example.com/recipes/' || n,
           'source-' || (hashint4(n) & 2147483647) % 100,
           n % 1000 + 1, now(), now(), 1
    FROM generate_series(1, {rows}) AS n;
"""


class Growth:
    """The loads of each part, under the title that its table has, and what they need, until the stack ends it."""

    def __init__(self, options: argparse.Namespace, server_url: str, stack: ExitStack) -> None:
        self.options = options
        self.server_url = server_url
        self.stack = stack

    def rows(self) -> list[Load]:
        """Rows in the table"""
        loads: list[Load] = []
        for rows in self.options.rows:
            print(f"filling {rows:,} rows", file=sys.stderr)
            service = self.service(self.filled(rows))
            loads += self.requests((f"{rows:,}",), service, rows)
        return loads

    def depth(self) -> list[Load]:
        """Page of 20 rows, by cursor and by offset"""
        service = self.service(self.filled(ROWS))
        return [
            Load((f"{page:,}", by), service, [f"GET {address(service, page)}"], CLIENTS)
            for by, address in (("cursor", page_by_cursor), ("offset", page_by_offset))
            for page in (1, 10, 100, 5000)
        ]

    def resources(self) -> list[Load]:
        """Resources that were added"""
        url = self.filled(ROWS)
        loads: list[Load] = []
        for number in (3, 10, 30, 100):
            service = self.service(url, app="bench.many:app", BENCH_RESOURCES=number)
            last = [f"GET /api/bench/r{number}/{id}" for id in drawn(ROWS)]
            loads.append(Load((f"{number}", "get of the last one"), service, last, CLIENTS))
            loads.append(Load((f"{number}", "404"), service, ["GET /api/bench/nothing"], CLIENTS, status=404))
        return loads

    def clients(self) -> list[Load]:
        """Clients"""
        service = self.service(self.filled(ROWS))
        numbers = (1, 8, 32, 200, 1000)
        return [load for number in numbers for load in self.requests((f"{number:,}",), service, ROWS, number)]

    def workers(self) -> list[Load]:
        """Workers"""
        url = self.filled(ROWS)
        services = {number: self.service(url, WEB_CONCURRENCY=number) for number in (1, 2, 4)}
        return [load for number, one in services.items() for load in self.requests((f"{number}",), one, ROWS)]

    def requests(self, labels: tuple[str, ...], service: Service, rows: int, clients: int = CLIENTS) -> list[Load]:
        every = {
            "get": [f"{RECIPES}/{id}" for id in drawn(rows)],
            "list20": [page_by_offset(service, page) for page in range(1, 51)],
            "deep page": [page_by_cursor(service, rows * 9 // 10 // 20 + 1)],
            "filter": [f"{RECIPES}?limit=20&source=source-{number - 1}" for number in drawn(100)],
        }
        return [
            Load((*labels, name), service, [f"GET {path}" for path in paths], clients) for name, paths in every.items()
        ]

    def filled(self, rows: int) -> str:
        """The URL of a database with these rows, made by the migrations."""
        url = self.stack.enter_context(fresh_database(self.server_url))
        migrate(**SETTINGS, DATABASE_URL=url)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(FILL.format(rows=rows)))
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM (FREEZE, ANALYZE)"))
            connection.execute(text("CHECKPOINT"))
        engine.dispose()
        return url

    def service(self, url: str, app: str = "bench.larder.service:app", **settings: object) -> Service:
        return self.stack.enter_context(
            Service(app, **SETTINGS, DATABASE_URL=url, **{"WEB_CONCURRENCY": WORKERS, **settings})
        )


def page_by_offset(_: Service, page: int) -> str:
    return f"{RECIPES}?limit=20&offset={20 * (page - 1)}"


def page_by_cursor(service: Service, page: int) -> str:
    if page == 1:
        return f"{RECIPES}?limit=20"
    before = service.client.get(page_by_offset(service, page - 1)).raise_for_status().json()
    return f"{RECIPES}?limit=20&cursor={before['next_cursor']}"


def postmaster(url: str) -> int:
    """The process that all of PostgreSQL's others are below."""
    engine = create_engine(url)
    with engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    engine.dispose()
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


PARTS: dict[str, Callable[[Growth], Sequence[Load]]] = {
    "rows": Growth.rows,
    "depth": Growth.depth,
    "resources": Growth.resources,
    "clients": Growth.clients,
    "workers": Growth.workers,
}


def show(name: str, options: argparse.Namespace) -> None:
    part = PARTS[name]
    with postgres_server() as server_url, ExitStack() as stack:
        loads = part(Growth(options, server_url, stack))
        figures = measure(loads, options, postmaster(server_url))
    kinds = [load.labels[1] for load in loads]
    # What grows stands below each other.
    pairs = sorted(zip(loads, figures, strict=True), key=lambda pair: kinds.index(pair[0].labels[1]))
    columns = (part.__doc__ or name, "request", "server µs", "PostgreSQL µs", "requests/s", "p99 ms")
    rows = [
        (*load.labels, f"{one.server:,.0f}", f"{one.database:,.0f}", f"{one.rate:,.0f}", f"{one.p99:,.1f}")
        for load, one in pairs
    ]
    print(f"\n{table(columns, rows)}\n\n{conditions(figures, options)}", flush=True)


def main() -> None:
    arguments = parser("bench.growth", __doc__)
    arguments.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    sizes = [10**n for n in range(3, 8)]
    rows = f"some of {', '.join(map(str, sizes))}; all but the last unless said otherwise"
    arguments.add_argument("--rows", nargs="+", type=int, choices=sizes, default=sizes[:-1], metavar="N", help=rows)
    options = arguments.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        arguments.error(f"there is no part {unknown.pop()}")
    for name in options.parts or PARTS:
        show(name, options)


if __name__ == "__main__":
    main()
