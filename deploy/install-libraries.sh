# Installs what the build links with, if it is missing. To be sourced by bash.
missing=""
for package in libssl-dev libsodium-dev pkg-config; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
        # pkgconf serves as pkg-config.
        [ "$package" = pkg-config ] && command -v pkg-config >/dev/null && continue
        missing="$missing $package"
    fi
done
if [ -n "$missing" ]; then
    echo "== installing$missing"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list of words is meant
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq $missing
fi
