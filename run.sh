#!/usr/bin/env bash
# Set up what is missing, prepare the database, serve. HOST, PORT, WEB_CONCURRENCY: see .env.example.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
source ./.setup.sh

set_up requirements.txt
exec ./prestart.sh .venv/bin/python -m gunicorn --config python:app.gunicorn_conf
