#!/usr/bin/env bash
# Shows that a bare clone is enough: `make test` passes and `make app` serves the pages on the real
# model, from a clone in a new folder with an empty home: no virtual environment, no caches.
#
#   scripts/fresh_clone.sh [PYTHON]      PYTHON defaults to python3
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
python=${1:-python3}
work=$(mktemp -d)
port=8765
server=
stop() { [ -n "$server" ] && kill -- "-$server" 2>/dev/null; server=; }
trap 'stop; rm -rf "$work"' EXIT

# Only what a new login would have, and the certificates and proxies the network may need.
bare=(env -i "PATH=$PATH" "HOME=$work/home" LANG=C.UTF-8)
for name in PIP_CERT SSL_CERT_FILE http_proxy https_proxy no_proxy; do
  [ -n "${!name-}" ] && bare+=("$name=${!name}")
done
mkdir "$work/home"
git clone --quiet "$repository" "$work/lowrank"
cd "$work/lowrank"

step() { printf '\n== %s (%s s so far)\n' "$1" "$SECONDS"; }

serve() { # starts `make app` with extra settings and waits until it answers
  setsid "${bare[@]}" "$@" make app "PYTHON=$python" "PORT=$port" >"$work/app.log" 2>&1 &
  server=$!
  local since=$SECONDS
  until "$python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/_stcore/health')" 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || { cat "$work/app.log"; echo "make app stopped"; exit 1; }
    [ $((SECONDS - since)) -lt 600 ] || { cat "$work/app.log"; echo "make app did not answer"; exit 1; }
    sleep 0.2
  done
  cat "$work/app.log"
  echo "answered after $((SECONDS - since)) s"
}

step "make app, first time: environment, model and server"
serve
step "make test"
"${bare[@]}" make test "PYTHON=$python"
step "every page, in Chromium, from the running app"
"${bare[@]}" .venv/bin/python -m scripts.look_at_pages "http://127.0.0.1:$port"
stop
step "make app, second time, with no network to download from"
serve PIP_NO_INDEX=1 HF_HUB_OFFLINE=1 https_proxy=http://127.0.0.1:9 http_proxy=http://127.0.0.1:9
stop
step "done"
