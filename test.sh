#!/usr/bin/env bash
# Everything that must hold before a change goes in. Needs no service and no setting.
#   ./test.sh               lint, types, imports, migrations, tests with coverage
#   ./test.sh --all         the slow tests as well
#   ./test.sh [--all] ARGS  only pytest, with these arguments
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
source ./.setup.sh

markers="not slow"
if [ "${1:-}" = --all ]; then
    markers=""
    shift
fi

set_up requirements-dev.txt
export PATH="$PWD/.venv/bin:$PATH"

# A developer's own settings must not decide what passes.
for name in $(sed -n 's/^\([A-Z0-9_]*\)=.*/\1/p' .env.example); do unset "$name"; done
export ENV_FILE=

if [ $# -gt 0 ]; then exec python -m pytest -m "$markers" "$@"; fi

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
skipped=()

step() {
    echo "--- $1"
    shift
    "$@"
}

step "ruff check" python -m ruff check
step "ruff format" python -m ruff format --check
step "mypy" python -m mypy
step "pyright" python -m pyright --pythonpath .venv/bin/python
step "import contract" python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

export DATA_DIR="$scratch"
migrate="python -m alembic upgrade head && python -m alembic check"
step "migrations on SQLite" sh -c "$migrate"
status=0
step "migrations on PostgreSQL" python -m tests.support.postgres sh -c "$migrate" || status=$?
case $status in
    0) ;;
    75) skipped+=("everything on PostgreSQL: there is no server to be had, see above") ;;
    *) exit "$status" ;;
esac
unset DATA_DIR

command -v chromium chromium-browser google-chrome >/dev/null || skipped+=("the pages in a browser: no Chromium")
step "pytest" python -m pytest -n 2 -m "$markers" --cov

for reason in ${skipped[@]+"${skipped[@]}"}; do echo "SKIPPED $reason" >&2; done
if [ "${#skipped[@]}" -gt 0 ] && [ "${CI:-}" = true ]; then fail "nothing may be skipped in CI"; fi
