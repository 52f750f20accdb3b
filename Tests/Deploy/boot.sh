#!/bin/sh
# Boots systemd with a copy of this system that is gone afterwards, in namespaces of its own (also of the network), and has it run a script.
#
#   boot.sh SHARED-FOLDER SCRIPT
#
# SHARED-FOLDER is /shared inside; SCRIPT is a file in it, a bash script, which is run as root when systemd is up, and whose
# output goes to SHARED-FOLDER/output. Nothing else that is installed here is started. Prints what systemd had to say where it
# fails.
set -eu
export shared="$1" script="$2"
exec unshare --mount --propagation private --pid --fork --kill-child --cgroup --net --uts --ipc sh -eu -c '
    layers=$(mktemp -d)
    mount -t tmpfs tmpfs "$layers"
    mkdir "$layers/upper" "$layers/work" "$layers/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" "$layers/root"
    cd "$layers/root"

    # What is not of a namespace can be read only.
    mount -t proc proc proc
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount -t sysfs -o ro sysfs sys
    mount -t tmpfs tmpfs sys/fs/cgroup
    mount -t cgroup2 none sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs dev
    for device in null zero full random urandom tty; do
        touch "dev/$device"
        mount --bind "/dev/$device" "dev/$device"
    done
    mkdir dev/pts dev/shm dev/mqueue dev/hugepages
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs -o mode=1777 tmpfs tmp
    mkdir -p shared
    mount --bind "$shared" shared
    ip link set lo up

    rm -f etc/systemd/system/*.wants/* usr/sbin/policy-rc.d
    for unit in systemd-udevd systemd-udev-trigger systemd-modules-load systemd-sysctl systemd-binfmt; do
        ln -sfn /dev/null "etc/systemd/system/$unit.service"
    done
    cat >etc/systemd/system/script.service <<END
[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
FailureAction=poweroff-force
SuccessAction=poweroff-force
[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8
ExecStart=/bin/bash -euo pipefail /shared/$script
StandardOutput=file:/shared/output
StandardError=inherit
TimeoutStartSec=300
END
    mkdir old
    pivot_root . old
    umount -l /old
    exec chroot . env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=script.service
'
