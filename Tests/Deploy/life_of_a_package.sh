#!/bin/bash
# Installs, upgrades, removes and purges the package, and checks after each step. Runs inside overlay.sh.
#
#   life_of_a_package.sh SHARED-FOLDER FIRST.deb SECOND.deb
set -euo pipefail
shared=$1 first=$2 second=$3
unit=tollgate.service
wanted=/etc/systemd/system/multi-user.target.wants/$unit

fail() { echo "FAILED: $*" >&2; exit 1; }
step() { echo "== $*"; : >"$shared/systemctl.log"; }
called() { grep -qE -- "$1" "$shared/systemctl.log" || fail "systemctl was not asked to $1 but: $(cat "$shared/systemctl.log")"; }
not_called() { ! grep -E -- "$1" "$shared/systemctl.log" || fail "systemctl was asked to $1"; }
status() { dpkg-query -W -f '${db:Status-Abbrev}' tollgate; }
# A user that is left over from the machine itself would prove nothing.
! getent passwd tollgate || fail "there is a user of this name before the installation"

step install
dpkg --install "$first"
[ "$(status)" = "ii " ] || fail "it is not installed"
called daemon-reload
not_called '(re)?start|enable'
[ ! -e $wanted ] || fail "it is enabled by the installation"
user=$(getent passwd tollgate) || fail "there is no user"
[ "$(id -gn tollgate)" = tollgate ] || fail "the user's group is another one"
case "$user" in tollgate:*:/var/lib/tollgate:/usr/sbin/nologin) ;; *) fail "the user is $user" ;; esac
[ "$(id -u tollgate)" -lt 1000 ] || fail "the user is not one of the system's"
tollgate validate || fail "the sample does not hold"
man -w tollgate >/dev/null || fail "there is no manual page"
[ -e /usr/share/doc/tollgate/guide/tollgate.md ] || fail "there is no documentation"
systemd-analyze verify --man=yes /usr/lib/systemd/system/$unit 2>"$shared/verify" || true
[ ! -s "$shared/verify" ] || fail "$(cat "$shared/verify")"

step upgrade
SYSTEMD_OFFLINE=1 /usr/bin/systemctl enable $unit
[ -L $wanted ] || fail "it cannot be enabled"
sed -i 's/^upstream: .*/upstream: "http:\/\/127.0.0.1:4000"/' /etc/tollgate/tollgate.yaml
install -d -o tollgate -g tollgate -m 700 /var/lib/tollgate /var/lib/tollgate/log
echo certificate >/etc/tollgate/a.pem
dpkg --install "$second"
called 'try-restart.* tollgate'
not_called '(^| )(stop|start)'
[ -L $wanted ] || fail "it is no longer enabled"
grep -q 4000 /etc/tollgate/tollgate.yaml || fail "the configuration was replaced"
[ -d /var/lib/tollgate/log ] || fail "the state is gone"

step "install the same again"
dpkg --install "$second"
called 'try-restart.* tollgate'
[ -L $wanted ] || fail "it is no longer enabled"

step remove
dpkg --remove tollgate
[ "$(status)" = "rc " ] || fail "it is not removed"
called '(^| )stop.* tollgate'
called daemon-reload
grep -q 4000 /etc/tollgate/tollgate.yaml || fail "the configuration is gone"
[ -d /var/lib/tollgate/log ] || fail "the state is gone"
[ "$(readlink /etc/systemd/system/$unit)" = /dev/null ] || fail "the unit is not masked"

step "install after a removal"
dpkg --install "$second"
[ ! -e /etc/systemd/system/$unit ] || fail "the unit is masked"
[ -L $wanted ] || fail "it is no longer enabled"
grep -q 4000 /etc/tollgate/tollgate.yaml || fail "the configuration was replaced"

step purge
dpkg --purge tollgate
! status 2>/dev/null | grep . || fail "it is not purged"
called '(^| )stop.* tollgate'
[ ! -e /var/lib/tollgate ] || fail "the state is left"
[ ! -e /etc/tollgate/tollgate.yaml ] || fail "the configuration is left"
[ -e /etc/tollgate/a.pem ] || fail "it has removed what is not its own"
[ ! -e $wanted ] || fail "a link to the unit is left"
[ ! -e /etc/systemd/system/$unit ] || fail "the mask of the unit is left"
[ -z "$(find /var/lib/systemd/deb-systemd-helper-enabled -name '*tollgate*' 2>/dev/null)" ] || fail "its state in systemd's helper is left"
getent passwd tollgate >/dev/null || fail "the user is gone, whose files are left"

step "install after a purge"
dpkg --install "$first"
[ ! -e $wanted ] || fail "it is enabled"
tollgate validate
echo "== done"
