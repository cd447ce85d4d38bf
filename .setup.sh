# Sourced by run.sh and test.sh: `set_up FILE` makes .venv hold what the hashed requirements FILE names.
# Nothing is done when it already does: a finished .venv keeps a copy of the files it was made from.

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

find_python() {
    local candidate candidates=(python3.13 python3.12 python3.11 python3 python)
    if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi
    for candidate in "${candidates[@]}"; do
        # Run it: a version manager's shim may exist and not work, and Debian's Python may lack ensurepip.
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "needs Python 3.11 or newer with its venv module: install them (Debian: python3-venv), or name one with PYTHON=..."
}

is_set_up() {
    [ -f ".venv/$1" ] && [ "$(<"$1")" = "$(<".venv/$1")" ] && .venv/bin/python -c 'import pip' 2>/dev/null &&
        { [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" -VV)" = "$(.venv/bin/python -VV)" ]; }
}

set_up() {
    local requirements=$1 python
    if is_set_up "$requirements"; then return; fi
    python=$(find_python)

    # One set-up at a time. The lock stays on file descriptor 9 after the Python that took it is gone.
    exec 9<.setup.sh
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
    if ! is_set_up "$requirements"; then
        echo "Setting up .venv with $("$python" -V) ..." >&2
        rm -f .venv/requirements*.txt
        "$python" -m venv --clear .venv || fail "cannot make .venv; see above"
        .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-input --require-hashes --no-deps \
            --requirement "$requirements" || fail "pip could not install $requirements; see above, then try again"
        if [ "$requirements" = requirements-dev.txt ]; then cp requirements.txt .venv/; fi # it holds that one too
        cp "$requirements" .venv/
    fi
    exec 9<&-
}
