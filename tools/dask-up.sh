#!/bin/sh
# A Dask cluster on this machine, in the foreground: one scheduler, and workers of one thread each.
# Every socket is on loopback, and encrypted but for a health page. Ctrl-C ends all of it.
#   DASK_WORKERS  how many (2)          DASK_PORT    of the scheduler (8786)
#   DASK_FOLDER   for certificates, scratch files and a config overlay (var/dask)
#   PYTHON        the interpreter (.venv/bin/python)
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
folder=${DASK_FOLDER:-$PWD/var/dask}
port=${DASK_PORT:-8786}
export DASK_CONFIG="$PWD/deploy/dask/dask.yaml"

[ -e "$folder/certificates/dask.key" ] || sh tools/dask-certs.sh "$folder/certificates"
cat >"$folder/workers.yaml" <<EOF
# The cluster of \`make dask-up\`; paths are whole, since workers may run in another folder.
output: {root: $PWD/var}
engine:
  workers:
    kind: dask
    address: tls://127.0.0.1:$port
    ca_file: $folder/certificates/ca.crt
    cert_file: $folder/certificates/dask.crt
    key_file: $folder/certificates/dask.key
EOF

workers= scheduler=
end() {
  trap '' INT TERM
  for pid in $workers; do kill "$pid" 2>/dev/null || true; done
  for pid in $workers; do wait "$pid" 2>/dev/null || true; done
  [ -z "$scheduler" ] || kill "$scheduler" 2>/dev/null || true
  wait
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

set -- --host 127.0.0.1 --dashboard-address 127.0.0.1:0 --no-dashboard \
  --tls-ca-file "$folder/certificates/ca.crt" --tls-cert "$folder/certificates/dask.crt" \
  --tls-key "$folder/certificates/dask.key"
"$python" -m dask scheduler "$@" --protocol tls --port "$port" &
scheduler=$!
"$python" -m dask worker "tls://127.0.0.1:$port" "$@" --nworkers "${DASK_WORKERS:-2}" --nthreads 1 \
  --worker-port 0 --nanny-port 0 --local-directory "$folder/scratch" --death-timeout 60 &
workers=$!
cat <<EOF
A Dask cluster with ${DASK_WORKERS:-2} workers; Ctrl-C ends it. In another terminal:
  make run-local CONFIG="local $folder/workers.yaml"
EOF
wait
