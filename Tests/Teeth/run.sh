#!/usr/bin/env bash
# Shows that the simulator has teeth: each patch here puts one fault that cost somebody data into a copy of the sources,
# and the simulator must find it.
#
#   Tests/Teeth/run.sh [--sample N] [--only NAME]... [--seeds K] [--clean K] [--list]
#
# --sample N  takes N of the patches: which ones follows from the sources, so that all have their turn as these change.
# --only      takes the patch of that name; may be given more than once.
# --seeds K   gives up a patch after K seeds, in place of the number that its header names, or 2,000.
# --clean K   has the sources as they are pass K seeds of each number of nodes first, in place of 20.
# --list      prints the names and faults, and runs nothing.
#
# A patch begins with a header: `Fault:` in one line, and where it needs them `Arguments:` for tollgate-simulator and
# `Seeds:`. It is an error if a patch does not apply exactly, does not build, or is not found. First of all the sources
# as they are must pass.
set -euo pipefail
teeth=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$teeth/../.." && pwd)

sample=""
only=()
seeds=""
clean=20
list=""
while [ $# -gt 0 ]; do
    case "$1" in
        --sample) sample=${2:?--sample needs a number}; shift 2 ;;
        --only) only+=("${2:?--only needs a name}"); shift 2 ;;
        --seeds) seeds=${2:?--seeds needs a number}; shift 2 ;;
        --clean) clean=${2:?--clean needs a number}; shift 2 ;;
        --list) list=1; shift ;;
        -h | --help) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "run.sh: unknown argument '$1'; see --help" >&2; exit 64 ;;
    esac
done

# A line of a patch's header.
header() { sed -n "/^--- /q; s/^$2: *//p" "$1"; }

patches=()
for patch in "$teeth"/*.patch; do
    name=$(basename "$patch" .patch)
    [ -n "$(header "$patch" Fault)" ] || { echo "run.sh: $name.patch does not say what its fault is" >&2; exit 1; }
    if [ ${#only[@]} -eq 0 ] || printf '%s\n' "${only[@]}" | grep -qx "$name"; then patches+=("$patch"); fi
done
[ ${#patches[@]} -gt 0 ] || { echo "run.sh: no such patch; see --list" >&2; exit 64; }
if [ -n "$list" ]; then
    for patch in "${patches[@]}"; do printf '%-36s %s\n' "$(basename "$patch" .patch)" "$(header "$patch" Fault)"; done
    exit 0
fi
if [ -n "$sample" ] && [ "$sample" -lt ${#patches[@]} ]; then
    turn=$(cat "$root"/Sources/*/*.swift | cksum | cut -d' ' -f1)
    chosen=()
    for ((i = 0; i < sample; i++)); do
        chosen+=("${patches[$(((turn + i * ${#patches[@]} / sample) % ${#patches[@]}))]}")
    done
    patches=("${chosen[@]}")
fi

copy=$(mktemp -d "${TMPDIR:-/tmp}/teeth.XXXXXX")
trap 'rm -rf "$copy"' EXIT
cp -a "$root/Package.swift" "$root/Sources" "$root/Tests" "$copy/"
cd "$copy"
export TOLLGATE_CORES=1 SWIFT_BACKTRACE=enable=no

build() {
    swift build -c release --product tollgate-simulator --scratch-path "$copy/.build" >"$copy/build.log" 2>&1
}
simulator="$copy/.build/release/tollgate-simulator"

# simulate SEEDS ARGUMENT...: success if all seeds pass. What it says goes to the file `run.log`.
simulate() {
    local count=$1
    shift
    timeout 1800 "$simulator" --seed 1 --runs "$count" "$@" >"$copy/run.log" 2>&1
}

# Of a run that failed: how many seeds it took, and what was broken.
seeds_taken() { echo $(($(grep -c '^seed ' "$copy/run.log" || true) + 1)); }
broken() {
    local what
    what=$(sed -n 's/^FAILED seed [^:]*: failed at [^:]*: //p' "$copy/run.log" | head -1)
    case "$what" in
        'files that nothing has damaged'*) echo "a disk that was not damaged" ;;
        *' s after the last fault '*) echo "no progress after the faults" ;;
        [A-Z]*' ('* | [A-Z]*': '*) echo "${what%%[ :]*}" ;;
        *) echo "${what:0:30}" ;;
    esac
}

# All of them, also where a sample is run: one that has gone stale would be found by chance only.
stale=0
for patch in "$teeth"/*.patch; do
    git apply --check "$patch" 2>>"$copy/apply.log" || { echo "run.sh: $(basename "$patch") does not apply" >&2; stale=1; }
done
[ $stale = 0 ] || { cat "$copy/apply.log" >&2; exit 1; }

echo "== the sources as they are"
build || { cat "$copy/build.log" >&2; echo "run.sh: the sources do not build" >&2; exit 1; }
for plan in "--nodes 3" "--nodes 5" "--nodes 7" --genesis; do
    case "$plan" in --genesis) count=100 ;; *) count=$clean plan="$plan --jobs $(nproc)" ;; esac
    # shellcheck disable=SC2086
    simulate "$count" $plan && continue
    grep -v '^seed ' "$copy/run.log" | tail -n 40 >&2
    echo "run.sh: the sources as they are do not pass" >&2
    exit 1
done

row() { printf '%-36s %-30s %6s %8s  %s\n' "$@"; }
echo
row patch "caught by" seeds seconds fault
failed=0
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    fault=$(header "$patch" Fault)
    read -r -a arguments <<<"$(header "$patch" Arguments)"
    limit=${seeds:-$(header "$patch" Seeds)}
    if ! git apply "$patch" 2>"$copy/apply.log"; then
        row "$name" "DOES NOT APPLY" - - "$fault"
        cat "$copy/apply.log" >&2
        failed=1
        continue
    fi
    if ! build; then
        row "$name" "DOES NOT BUILD" - - "$fault"
        grep -m 5 error: "$copy/build.log" >&2 || tail -n 20 "$copy/build.log" >&2
        failed=1
    else
        began=$SECONDS
        status=0
        simulate "${limit:-2000}" "${arguments[@]}" || status=$?
        seconds=$((SECONDS - began))
        if grep -q '^FAILED ' "$copy/run.log"; then
            row "$name" "$(broken)" "$(seeds_taken)" "$seconds" "$fault"
        elif [ "$status" -ge 128 ]; then
            # A precondition of the core itself ended the process.
            row "$name" "a trap" "$(seeds_taken)" "$seconds" "$fault"
        else
            row "$name" "NOT CAUGHT" "$(($(seeds_taken) - 1))" "$seconds" "$fault"
            [ "$status" = 0 ] || tail -n 5 "$copy/run.log" >&2
            failed=1
        fi
    fi
    git apply --reverse "$patch"
done
exit "$failed"
