"""ModelManifest, a container component: `sh` and `sha256sum` in any image, and no Python at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfx.dsl.component.experimental.container_component import create_container_component
from tfx.dsl.component.experimental.placeholders import InputUriPlaceholder, OutputUriPlaceholder
from tfx.types.standard_artifacts import Model

from components.artifacts import ModelManifest
from taxiway.process.manifest import MANIFEST_FILE

# POSIX sh, for busybox as for GNU tools. Kubernetes turns two dollar signs in a command into one
# and Argo fills in double braces, so there are none of either here.
SCRIPT = r"""
set -eu
export LC_ALL=C

# Kubeflow Pipelines keeps a bucket's files in a local folder named after its scheme.
local_path() {
  case "$1" in
    gs://*) printf '/gcs/%s' "${1#gs://}" ;;
    s3://*) printf '/s3/%s' "${1#s3://}" ;;
    minio://*) printf '/minio/%s' "${1#minio://}" ;;
    *) printf '%s' "${1#file://}" ;;
  esac
}
fail() { printf '%s\n' "$1" >&2; exit 1; }

model="$(local_path "$1")/Format-Serving"
out="$(local_path "$2")"
newline='
'
cd "$model" || fail "no folder Format-Serving in $1"
mkdir -p "$out"
odd="$(find . ! -type f ! -type d)"
[ -z "$odd" ] || fail "neither files nor folders, so no sha256 can name them: $odd"
[ -z "$(find . -name "*$newline*")" ] || fail "a file name with a line break in $1"

find . -type f > "$out/.files"
[ -s "$out/.files" ] || fail "no files in Format-Serving of $1"
sort -o "$out/.files" "$out/.files"
# Read from stdin, since GNU's sha256sum would escape a backslash in a name and busybox's not.
while IFS= read -r file; do
  sum="$(sha256sum < "$file")"
  printf '%s  %s\n' "${sum%% *}" "${file#./}"
done < "$out/.files" > "$out/.manifest"
rm "$out/.files"
mv "$out/.manifest" "$out/@MANIFEST@"
""".replace("@MANIFEST@", MANIFEST_FILE)


def model_manifest(image: str) -> Callable[..., Any]:
    """The component class for one image: `model_manifest(image)(model=trainer.outputs["model"])`.

    Args:
      image: any image with `sh`, `find`, `sort` and `sha256sum`.
    """
    factory: Callable[..., Any] = create_container_component(
        name="ModelManifest",
        image=image,
        command=[
            *("sh", "-c", SCRIPT, "model_manifest"),
            InputUriPlaceholder("model"),
            OutputUriPlaceholder("manifest"),
        ],
        inputs={"model": Model},
        outputs={"manifest": ModelManifest},
    )
    factory.__module__ = __name__  # TFX makes the class in a module of its own
    return factory
