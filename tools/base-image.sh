#!/bin/sh
# Makes a Debian base image from Debian's packages, for machines that cannot pull one. $1 is its tag.
# What comes out is what debian:trixie-slim holds: minbase, without documentation and translations.
set -eu
tag=${1:?usage: tools/base-image.sh TAG}
suite=${SUITE:-trixie}
say() { printf '%s\n' "base-image: $*"; }

[ "$(id -u)" = 0 ] || { say "debootstrap needs root: run it with sudo" >&2; exit 1; }
docker version >/dev/null 2>&1 || { say "the Docker daemon does not answer" >&2; exit 1; }
if ! command -v debootstrap >/dev/null; then
  command -v apt-get >/dev/null || { say "install debootstrap first" >&2; exit 1; }
  say "installing debootstrap"
  apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 1' HUP INT TERM
say "fetching the packages of $suite"
debootstrap --variant=minbase "$suite" "$root" >"$root.log" 2>&1 || {
  tail -n 20 "$root.log" >&2
  say "debootstrap failed; its whole log is $root.log" >&2
  exit 1
}
rm -f "$root.log"

# Debian's own slim images leave the same out, now and for packages that come later.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
END
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type l -delete
rm -rf "$root/usr/share/info/"* "$root/usr/share/locale/"* "$root/usr/share/man/"* \
  "$root/var/cache/apt/"* "$root/var/lib/apt/lists/"* "$root/var/log/"*
: >"$root/etc/resolv.conf"
: >"$root/etc/hostname"

say "importing $(du -sh "$root" | cut -f1) as $tag"
tar --numeric-owner --one-file-system -C "$root" -c . | docker import \
  --change 'CMD ["bash"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --message "debootstrap --variant=minbase $suite" - "$tag"
say "made $tag"
