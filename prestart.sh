#!/usr/bin/env bash
# Before each start: wait for the database, migrate it, seed it. Any number of hosts may run this at once.
#   ./prestart.sh           only that
#   ./prestart.sh COMMAND   then it becomes COMMAND
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

python=.venv/bin/python
[ -x "$python" ] || python=python

"$python" -m app.prestart

if [ $# -gt 0 ]; then exec "$@"; fi
