#!/bin/sh
# Builds a target of deploy/Dockerfile: tools/build-image.sh TARGET TAG. Finds a Docker client that
# can do BuildKit, which the Dockerfile needs, and says what to do where the base image is missing.
#   BASE         the base image (debian:trixie-slim)
#   CUDA         not empty: with the CUDA libraries of deploy/cuda.lock, some gigabytes more
#   BUILD_FLAGS  more options for docker build, such as --network host
# A bundle of certificates named by SSL_CERT_FILE, and an index named by UV_DEFAULT_INDEX or
# PIP_INDEX_URL, are lent to the build as secrets; neither is left in a layer.
set -eu
target=${1:?usage: tools/build-image.sh TARGET TAG}
tag=${2:?usage: tools/build-image.sh TARGET TAG}
base=${BASE:-debian:trixie-slim}
cd "$(dirname "$0")/.."
say() { printf '%s\n' "image: $*"; }

# Up to 22 the client itself speaks BuildKit; from 23 on it needs the buildx plugin.
builder() {
  if docker buildx version >/dev/null 2>&1; then
    echo docker
    return
  fi
  old_ifs=$IFS
  IFS=:
  for folder in $PATH; do
    [ -x "$folder/docker" ] || continue
    major=$("$folder/docker" version --format '{{.Client.Version}}' 2>/dev/null | cut -d. -f1)
    case "$major" in
      18 | 19 | 20) echo "$folder/docker"; break ;;
    esac
  done
  IFS=$old_ifs
}

command -v docker >/dev/null || { say "Docker is not installed" >&2; exit 1; }
docker version >/dev/null 2>&1 || { say "the Docker daemon does not answer" >&2; exit 1; }
client=$(builder)
[ -n "$client" ] || {
  say "this Docker client cannot do BuildKit; install its buildx plugin (docker-buildx-plugin," >&2
  say "or docker-buildx), or a client that has it built in (docker.io 20.10)" >&2
  exit 1
}
if ! docker image inspect "$base" >/dev/null 2>&1; then
  say "pulling $base"
  docker pull --quiet "$base" >/dev/null || {
    say "there is no image $base, and it cannot be pulled. Make a base image from packages:" >&2
    say "  make base-image" >&2
    say "  make image BASE=taxiway-base:trixie" >&2
    exit 1
  }
fi
# A pulled image has the registry's digest; one made here only has its own.
digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$base" |
  sed -n 's/.*@//p' | head -n 1)
[ -n "$digest" ] || digest=$(docker image inspect --format '{{.Id}}' "$base")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
if [ "$revision" != unknown ] && [ -n "$(git status --porcelain --untracked-files=no)" ]; then
  revision="$revision-dirty"
fi

set -- --file deploy/Dockerfile --target "$target" --tag "$tag" \
  --build-arg "BASE=$base" --build-arg "BASE_DIGEST=$digest" \
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CUDA=${CUDA:-}"
if [ -n "${SSL_CERT_FILE:-}" ] && [ -r "$SSL_CERT_FILE" ]; then
  set -- "$@" --secret "id=ca,src=$SSL_CERT_FILE"
fi
TAXIWAY_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}}
if [ -n "$TAXIWAY_INDEX" ]; then
  export TAXIWAY_INDEX
  set -- "$@" --secret id=index,env=TAXIWAY_INDEX
fi
say "building $tag from $base${CUDA:+, with CUDA}"
# shellcheck disable=SC2086  # options are words
if docker buildx version >/dev/null 2>&1; then
  docker buildx build --load --progress=plain ${BUILD_FLAGS:-} "$@" .
else
  DOCKER_BUILDKIT=1 "$client" build --progress=plain ${BUILD_FLAGS:-} "$@" .
fi
bytes=$(docker image inspect --format '{{.Size}}' "$tag")
say "made $tag, $((bytes / 1000000)) MB: $(docker image inspect --format '{{.Id}}' "$tag")"
