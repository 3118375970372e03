#!/usr/bin/env bash
# Makes .venv and installs this checkout into it; called by `make install`. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
    printf '\nmake install: %s\n' "$1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
    return 1
}

if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || fail \
        "Python 3.11 or newer is needed. Install it (Debian: apt-get install python3 python3-venv), or name it: make install PYTHON=/path/to/python3"
    echo "Creating .venv with $("$python" --version) ..."
    if ! "$python" -m venv --clear .venv; then
        # Debian ships venv's pip in a package of its own
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq </dev/null || true
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                python3-venv </dev/null || true
        fi
        "$python" -m venv --clear .venv || fail \
            "$python cannot create a virtual environment. Debian and Ubuntu: sudo apt-get install python3-venv, then make install again."
    fi
fi

echo "Installing Python packages (a minute or two the first time) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --use-pep517 \
    --constraint constraints.txt --editable '.[dev]' </dev/null || fail \
    "pip could not install the packages; its message stands above. Without a network connection or behind a company mirror, tell pip where to look (PIP_INDEX_URL, PIP_CERT, or pip.conf), then make install again. A version conflict means that setup.cfg and constraints.txt disagree."
