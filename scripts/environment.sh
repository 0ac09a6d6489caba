# Sourced by quickstart.sh and test.sh, not run: a virtual environment with the package in it.
# After `prepare_environment [extra]`: $root is the checkout, $python the environment's Python, $bin its commands.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# Threads of the network that wait for each other spin only shortly: beside the processes that load data, and on a machine
# with other work, spinning costs several times the computation itself. (Not at all would cost as much on a free machine.)
export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-10000}"

say() { printf '== %s\n' "$*"; }
fail() { printf 'Stopped: %s\n' "$*" >&2; exit 1; }

# A Python that may be used: it starts, and is 3.10 or newer.
is_usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python python3.13 python3.12 python3.11 python3.10; do
        if is_usable "$candidate"; then printf '%s' "$candidate"; return; fi
    done
    fail "ayolom needs Python 3.10 or newer, and none was found. Install one, or name it: PYTHON=/path/to/python3 bash $0"
}

# The environment's Python lies in Scripts/ on Windows and in bin/ everywhere else.
python_of() { if [ -f "$1/Scripts/python.exe" ]; then printf '%s' "$1/Scripts/python.exe"; else printf '%s' "$1/bin/python"; fi; }

make_environment() {
    local found
    if [ -n "${VIRTUAL_ENV:-}" ]; then
        environment="$VIRTUAL_ENV"
        say "Using the active environment $environment"
    else
        environment="$root/.venv"
        if ! is_usable "$(python_of "$environment")"; then
            found="$(find_python)"
            say "Making the environment $environment with $("$found" --version)"
            "$found" -m venv --clear "$environment" ||
                fail "the environment could not be made; on Debian and Ubuntu install the package python3-venv first"
        fi
    fi
    python="$(python_of "$environment")"
    bin="$(dirname "$python")"
    is_usable "$python" || fail "$python is missing or older than Python 3.10; make another environment and activate it"
}

# What decides whether an installation is still right: the three files, the place of the checkout, the Python.
fingerprint() {
    "$python" - "$root" "$1" <<'PY'
import hashlib, pathlib, sys

root = pathlib.Path(sys.argv[1])
digest = hashlib.sha256(f"{root}\n{sys.argv[2]}\n{sys.version}".encode())
for name in ("pyproject.toml", "requirements.txt", "constraints.txt"):
    digest.update((root / name).read_bytes())
print(digest.hexdigest())
PY
}

# prepare_environment [extra]: make the environment where there is none, install what is missing, see to `yolo`.
prepare_environment() {
    local extra="${1:-}" wanted stamp
    make_environment
    wanted="$(fingerprint "$extra")"
    stamp="$environment/.ayolom-installed${extra:+-$extra}"
    if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && "$bin/ayolom" version >/dev/null 2>&1; then
        say "Already installed"
    else
        say "Installing ayolom and what it needs (the first time this takes minutes, most of it PyTorch)"
        "$python" -m pip install --quiet --editable "$root${extra:+[$extra]}" --constraint "$root/constraints.txt" ||
            fail "the installation did not finish; pip's reason stands above. Run the same command again to go on"
        printf '%s\n' "$wanted" >"$stamp"
    fi
    see_to_yolo
}

# ultralytics installs a command `yolo` of its own, and the one written last is in place. In an environment that this
# script made, ours is put back; in somebody's own, they are told.
see_to_yolo() {
    if "$bin/ayolom" checks >/dev/null 2>&1; then return; fi
    if [ -n "${VIRTUAL_ENV:-}" ]; then
        say "In this environment \`yolo\` is not ayolom's; \`ayolom checks mend=True\` changes that. Going on with \`ayolom\`."
    else
        "$bin/ayolom" checks mend=True >/dev/null || fail "the command \`yolo\` of $environment could not be put in place"
    fi
}
