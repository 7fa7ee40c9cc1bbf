#!/bin/sh
# Prints the Python that this machine's stack wants: 3.10 where glibc is older than 2.38 (the newer
# TFX wheels cannot load there), else the newest of 3.13, 3.12 and 3.11. Looks on PATH, in pyenv, and
# where uv knows of one; $1 is uv. See docs/decisions/0001-two-stacks-one-lock.md.
set -u
uv=$1
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
major=${glibc%%.*} minor=${glibc#*.}
if [ -n "$glibc" ] && { [ "$major" -gt 2 ] || [ "$minor" -ge 38 ]; }; then
  wanted="3.13 3.12 3.11"
else
  wanted="3.10"
fi
for version in $wanted; do
  candidates=$(command -v "python$version" 2>/dev/null
    ls -d "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python 2>/dev/null | sort -rV
    ls -d "$HOME/.pyenv/versions/$version".*/bin/python 2>/dev/null | sort -rV
    "$uv" python find --no-python-downloads "$version" 2>/dev/null)
  for python in $candidates; do
    if "$python" -c "import sys, venv; sys.exit(sys.version_info[:2] != tuple(map(int, '$version'.split('.'))))" 2>/dev/null; then
      echo "$python"
      exit 0
    fi
  done
done
for version in $wanted; do
  if "$uv" python install "$version" >/dev/null 2>&1 && "$uv" python find "$version" 2>/dev/null; then
    exit 0
  fi
done
echo "Taxiway needs Python ${wanted%% *} here (glibc ${glibc:-unknown}), and none was found." >&2
echo "Install one, for example:  pyenv install ${wanted%% *}   or   uv python install ${wanted%% *}" >&2
echo "Then run the same make command again; PYTHON=/path/to/python make ... names one by hand." >&2
exit 1
