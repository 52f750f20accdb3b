#!/bin/sh
# Runs a script as root in a copy of this system that is gone afterwards: an overlay over /, in a mount namespace.
#
#   overlay.sh SHARED-FOLDER COMMAND…
#
# SHARED-FOLDER is the same inside and outside. Where there is no systemd that runs, there seems to be one inside: a
# `systemctl` that appends its arguments to SHARED-FOLDER/systemctl.log.
set -eu
shared=$1
shift
exec unshare --mount --propagation private sh -eu -c '
    shared=$1
    shift
    layers=$(mktemp -d)
    mount -t tmpfs tmpfs "$layers"
    mkdir "$layers/upper" "$layers/work" "$layers/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" "$layers/root"
    mkdir -p "$layers/root$shared"
    mount --bind "$shared" "$layers/root$shared"
    for each in dev proc; do mount --rbind "/$each" "$layers/root/$each"; done
    mount -t tmpfs tmpfs "$layers/root/run"
    mkdir -p "$layers/root/run/systemd/system" "$layers/root/usr/local/sbin"
    # What a container puts there against the start of services would hide what the package does.
    rm -f "$layers/root/usr/sbin/policy-rc.d"
    printf "#!/bin/sh\necho \"\$*\" >>%s/systemctl.log\n" "$shared" >"$layers/root/usr/local/sbin/systemctl"
    chmod 755 "$layers/root/usr/local/sbin/systemctl"
    exec chroot "$layers/root" env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
' sh "$shared" "$@"
