#!/bin/sh
# Runs what stands in FOLDER as pods of a StatefulSet named tollgate: each with a network of its own, in which the others' names
# lead to their addresses, the image's files, its volumes, and a user without rights. Then runs FOLDER/script, a bash script, beside
# them; all of it is gone afterwards.
#
#   pods.sh FOLDER COUNT IMAGE UID GID
#
# FOLDER/volumes is a shell script that mounts the pod's volumes: it is given the pod's name and the folder that is its root.
# IMAGE is the folder with the image's files. A pod's output goes to FOLDER/NAME.log.
#
# In the script: `pod NAME COMMAND…` runs a command in the network of a pod; `inside NAME COMMAND…` in the pod itself.
set -eu
export folder="$1" count="$2" image="$3" uid="$4" gid="$5"
exec unshare --mount --propagation private --net --pid --fork --kill-child bash -euc '
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    mkdir /run/pods
    ip link add pods type bridge
    ip link set pods up
    for number in $(seq 0 $((count - 1))); do echo "10.99.0.$((number + 10)) tollgate-$number.tollgate-peers"; done >/run/hosts

    pod() { local name=$1; shift; ip netns exec "$name" "$@"; }
    inside() {
        local name=$1; shift
        pod "$name" unshare --uts env -i POD_NAME="$name" PATH="$PATH" sh -c "hostname \"\$POD_NAME\"; exec \"\$@\"" sh \
            chroot --userspec="$uid:$gid" --groups="$gid" "/run/pods/$name/root" "$@"
    }
    for number in $(seq 0 $((count - 1))); do
        name=tollgate-$number
        layers=/run/pods/$name
        mkdir -p "$layers/upper" "$layers/work" "$layers/root"
        mount -t overlay overlay -o "lowerdir=$image,upperdir=$layers/upper,workdir=$layers/work" "$layers/root"
        mkdir -p "$layers/root/proc" "$layers/root/dev"
        mount --bind /proc "$layers/root/proc"
        mount --rbind /dev "$layers/root/dev"
        cp /run/hosts "$layers/root/etc/hosts"
        sh -eu "$folder/volumes" "$name" "$layers/root"
        mount -o remount,ro "$layers/root"

        ip netns add "$name"
        ip link add "to$number" type veth peer name eth0 netns "$name"
        ip link set "to$number" master pods up
        ip -n "$name" address add "10.99.0.$((number + 10))/24" dev eth0
        ip -n "$name" link set eth0 up
        ip -n "$name" link set lo up
        inside "$name" /usr/bin/tollgate serve >"$folder/$name.log" 2>&1 &
    done
    set -o pipefail
    . "$folder/script"
'
