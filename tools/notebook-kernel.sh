#!/bin/sh
# Writes Jupyter's kernel `taxiway`: this project's Python, started where its var/ and configs/ are.
# usage: notebook-kernel.sh FOLDER [WHERE]; FOLDER is one of those that Jupyter looks for kernels in.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
kernel=$1/taxiway
mkdir -p "$kernel"
ROOT=$root WHERE=${2:-$root} python3 - >"$kernel/kernel.json.tmp" <<'END'
import json, os
start = 'cd -- "$1" && exec "$2" -m ipykernel_launcher -f "$3"'
python = os.path.join(os.environ["ROOT"], ".venv/bin/python")
argv = ["sh", "-c", start, "taxiway", os.environ["WHERE"], python, "{connection_file}"]
print(json.dumps({"argv": argv, "display_name": "Taxiway", "language": "python"}, indent=1))
END
mv "$kernel/kernel.json.tmp" "$kernel/kernel.json"
