#!/usr/bin/env bash
# Makes a Debian package of Tollgate.
#
#   deploy/debian/build.sh [--binary FILE] [--out DIR]
#
# Without --binary the program is built first, in release mode (see deploy/quickstart.sh). The package is written to DIR,
# by default the current folder, and its path is printed. The same program, sources and SOURCE_DATE_EPOCH (by default the time of
# the last commit) give the same bytes. DEBFULLNAME and DEBEMAIL say who maintains the package; without them git knows.
#
# Needs dpkg-dev and binutils. The program must be linked with --static-swift-stdlib, as quickstart.sh does it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)

binary=""
out=$PWD
while [ $# -gt 0 ]; do
    case "$1" in
        --binary) binary=${2:?--binary needs a file}; shift 2 ;;
        --out) out=${2:?--out needs a folder}; shift 2 ;;
        -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "build.sh: unknown argument '$1'; see --help" >&2; exit 64 ;;
    esac
done
for tool in dpkg-deb dpkg-shlibdeps strip; do
    command -v "$tool" >/dev/null || { echo "build.sh: $tool is missing; apt-get install dpkg-dev binutils" >&2; exit 1; }
done
if [ -z "$binary" ]; then
    "$source/deploy/quickstart.sh" --build-only >&2
    binary=$(cd "$source" && swift build -c release --product tollgate --static-swift-stdlib --show-bin-path)/tollgate
fi
: "${SOURCE_DATE_EPOCH:=$(git -C "$source" log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
name=${DEBFULLNAME:-$(git -C "$source" log -1 --format=%cn)}
email=${DEBEMAIL:-$(git -C "$source" log -1 --format=%ce)}
maintainer="$name <$email>"
version=$("$binary" version | sed -n '1s/^tollgate \([^ ]*\) .*/\1/p')
[ -n "$version" ] || { echo "build.sh: $binary does not say its version" >&2; exit 1; }
architecture=$(dpkg --print-architecture)
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
doc=$root/usr/share/doc/tollgate

# The files.
install -D -m 755 "$binary" "$root/usr/bin/tollgate"
strip --remove-section=.comment --remove-section=.note "$root/usr/bin/tollgate"
install -D -m 644 "$source/deploy/systemd/tollgate.service" "$root/usr/lib/systemd/system/tollgate.service"
install -D -m 644 "$here/tollgate.yaml" "$root/etc/tollgate/tollgate.yaml"
install -D -m 644 "$here/tollgate.1" "$root/usr/share/man/man1/tollgate.1"
install -D -m 644 "$here/copyright" "$doc/copyright"
install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/tollgate"
install -D -m 644 -t "$doc/guide" "$source"/Sources/tollgate/tollgate.docc/*.md
for folder in caddy clients envoy grafana haproxy nginx prometheus traefik; do
    install -D -m 644 -t "$doc/examples/$folder" "$source/deploy/$folder"/*.*
done
cat >"$doc/changelog" <<END
tollgate ($version) unstable; urgency=medium

  * Release $version; see guide/tollgate.md for what it does.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
gzip -9n "$doc/changelog" "$root/usr/share/man/man1/tollgate.1"

# What the package says of itself.
mkdir -p "$work/debian" "$root/DEBIAN"
cat >"$work/debian/control" <<END
Source: tollgate
Maintainer: $maintainer

Package: tollgate
Architecture: any
END
libraries=$(cd "$work" && dpkg-shlibdeps -O -e "$root/usr/bin/tollgate" 2>"$work/shlibdeps" | sed -n 's/^shlibs:Depends=//p') || true
if [ -z "$libraries" ]; then
    cat "$work/shlibdeps" >&2
    echo "build.sh: no packages hold what $binary is linked with; link it with --static-swift-stdlib" >&2
    exit 1
fi
cat >"$root/DEBIAN/control" <<END
Package: tollgate
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f 1)
Depends: adduser, init-system-helpers (>= 1.54), $libraries
Section: net
Priority: optional
Description: gateway that charges anonymous clients work past a free quota
 Tollgate stands before a site or an API, or beside the proxy that is already
 there, and lets anonymous clients through up to a free quota. Past it, it
 charges them processor time: a SHA-256 puzzle that takes a browser about a
 second to solve, and the gateway about a microsecond to check.
 .
 A Raft group inside the gateways replicates every quota and every spent
 puzzle, so that several gateways behind a load balancer enforce one limit.
 There is no database to run beside it.
END
echo /etc/tollgate/tollgate.yaml >"$root/DEBIAN/conffiles"
install -m 755 -t "$root/DEBIAN" "$here/postinst" "$here/prerm" "$here/postrm"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f ! -path './etc/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) \
    >"$work/md5sums"
install -m 644 "$work/md5sums" "$root/DEBIAN/md5sums"

find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"
package=$out/tollgate_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
