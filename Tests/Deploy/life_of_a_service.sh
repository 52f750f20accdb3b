# Installs the package where systemd runs, and checks what the service does. Run by boot.sh.
unit=tollgate.service

fail() {
    echo "FAILED: $*"
    journalctl --no-pager --unit "$unit" | tail -50
    exit 1
}
step() { echo "== $*"; }
# Each has a bound that only keeps a fault from hanging the run.
await() { for _ in $(seq 600); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; fail "never came true: $*"; }
process() { systemctl show --property MainPID --value $unit; }
ready() { curl --silent --fail http://127.0.0.1:9464/readyz; }
gone() { ! kill -0 "$1"; }
is_another() { [ "$(process)" != "$1" ] && [ "$(process)" != 0 ]; }

step "the installation starts nothing"
dpkg --install /shared/first.deb
[ "$(systemctl is-enabled $unit || true)" = disabled ] || fail "it is enabled"
[ "$(systemctl is-active $unit || true)" = inactive ] || fail "it is active"

step "it starts, confined"
systemctl enable --now $unit
await ready
[ "$(stat -c '%U %a' /var/lib/tollgate)" = "tollgate 700" ] || fail "the state is open to others"
[ "$(stat -c '%U %a' /run/tollgate)" = "tollgate 750" ] || fail "the socket's folder has another mode"
[ "$(stat -c '%U %a' /run/tollgate/admin.sock)" = "tollgate 600" ] || fail "the socket has another mode"
grep -q '^Seccomp:\s2$' "/proc/$(process)/status" || fail "it may make every system call"
grep -q '^CapBnd:\s0*$' "/proc/$(process)/status" || fail "it has rights of root's"
grep -q '^NoNewPrivs:\s1$' "/proc/$(process)/status" || fail "it may get new rights"
[ "$(ps -o user= -p "$(process)")" = tollgate ] || fail "it runs as another user"
! nsenter --target "$(process)" --mount test -w /usr/bin || fail "it can write where it needs not"

step "its state is on disk"
[ -n "$(find /var/lib/tollgate -type f -user tollgate)" ] || fail "there is nothing in /var/lib/tollgate"
[ -z "$(find /var/lib/tollgate -type f -perm /077)" ] || fail "others may read the state"

step "it says nothing but log lines"
! journalctl --no-pager --output cat _PID="$(process)" | grep -v '^{' || fail "what is this?"

step "commands find it"
said=$(tollgate explain 00000000 2>&1) || true
[[ $said = *"knows no refusal of request"* ]] || fail "explain did not reach it: $said"

step "a reload with an error fails, and changes nothing"
before=$(process)
cp /etc/tollgate/tollgate.yaml /shared/good.yaml
sed -i 's/preset: site/preset: strickt/' /etc/tollgate/tollgate.yaml
if systemctl reload $unit; then fail "the reload succeeded"; fi
cp /shared/good.yaml /etc/tollgate/tollgate.yaml
systemctl reload $unit
[ "$(process)" = "$before" ] || fail "it was restarted"

step "it comes back when it is killed"
kill -KILL "$before"
await is_another "$before"
await ready

step "an upgrade restarts it"
before=$(process)
dpkg --install /shared/second.deb
await is_another "$before"
await ready

step "it stops by itself, with 0"
before=$(process)
systemctl stop $unit
await gone "$before"
[ "$(systemctl show --property Result --value $unit)" = success ] || fail "it was killed"
[ "$(systemctl show --property ExecMainStatus --value $unit)" = 0 ] || fail "it ended with an error"

step "a removal stops it"
systemctl start $unit
await ready
before=$(process)
dpkg --remove tollgate
await gone "$before"

step "done"
