#!/bin/sh
# Installs Debian packages whose commands are missing, and starts none of their services.
#
#   install-packages.sh COMMAND=PACKAGE…        for example: install-packages.sh nginx=nginx-light curl=curl
#
# With - for a command the package is installed in any case: apt-get knows whether it is there.
set -eu

PATH=$PATH:/usr/sbin
missing=""
for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing="$missing ${pair#*=}"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "install-packages.sh:$missing missing, and no apt-get to install it by" >&2; exit 1; }
echo "install-packages.sh: installing$missing" >&2
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
# Several tests may want packages at once.
exec 9<"$0"
flock 9
$as_root apt-get update -qq >&2
# policy-rc.d says no to every start of a service, for as long as this installs; one that is there stays.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap '$as_root rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | $as_root tee /usr/sbin/policy-rc.d >/dev/null
    $as_root chmod +x /usr/sbin/policy-rc.d
fi
# shellcheck disable=SC2086 # a list of words is meant
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >&2
