#!/bin/sh
# Makes the certificates of a Dask cluster in a folder: ca.crt, dask.crt, dask.key.
# Scheduler, workers and runs share one: each of them can run code on all others anyway. The CA
# signs nothing else, so its key is thrown away. DAYS is how long they are good for.
set -eu
folder=${1:?usage: dask-certs.sh FOLDER}
days=${DAYS:-365}
if [ -e "$folder/dask.key" ]; then
  echo "$folder has certificates already; to make new ones, remove it and start the cluster anew" >&2
  exit 2
fi
command -v openssl >/dev/null || { echo "openssl is missing: apt-get install openssl" >&2; exit 1; }

umask 077
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet() { openssl "$@" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }; }
cat >"$work/openssl.cnf" <<EOF
[req]
distinguished_name = name
prompt = no
[name]
CN = taxiway-dask
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[node]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:taxiway-dask
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
EOF
key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
# shellcheck disable=SC2086
quiet req -config "$work/openssl.cnf" -x509 $key -extensions ca -days "$days" \
  -subj "/CN=taxiway-dask-ca" -keyout "$work/ca.key" -out "$work/ca.crt"
# shellcheck disable=SC2086
quiet req -config "$work/openssl.cnf" -new $key -keyout "$work/dask.key" -out "$work/dask.csr"
quiet x509 -req -in "$work/dask.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -days "$days" \
  -set_serial "0x$(openssl rand -hex 16)" -extfile "$work/openssl.cnf" -extensions node \
  -out "$work/dask.crt"
mv "$work/ca.crt" "$work/dask.crt" "$folder"
mv "$work/dask.key" "$folder" # last: its presence says that all are there
