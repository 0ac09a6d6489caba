#!/usr/bin/env bash
# Installs what the tests need and runs all checks: bash scripts/test.sh [arguments of pytest]
# Works from any folder; makes .venv/ in the checkout when no virtual environment is active.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment test
cd "$root"
export YOLO_AUTOINSTALL=False
export GOMP_SPINCOUNT=0 # workers share the cores

status=0

say "Lint"
"$python" -m ruff check . || status=1
"$python" -m ruff format --check . || status=1

say "Types"
"$python" -m mypy || status=1

if [ "$status" -ne 0 ]; then
    echo "Lint or types failed, see above; the tests were not run." >&2
    exit "$status"
fi

# One worker for each core, each with one thread: faster than one worker with all cores.
say "Tests"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
"$python" -m pytest -n "${PYTEST_WORKERS:-auto}" --dist loadfile "$@"
