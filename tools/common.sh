# Sourced by tools/run and tools/test: what both need from the machine. It reports on
# stderr only, because the stdout of `tools/run diagnose --json` belongs to netwiz.

say() {
    echo "netwiz: $*" >&2
}

die() {
    say "$*"
    exit 4
}

# A plain `su` on Debian leaves these out, and iptables and dockerd live there.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

have() {
    command -v "$1" >/dev/null 2>&1
}

# apt_install PACKAGE...: Debian packages, without starting or enabling any service.
# Installing a server must not open a port on the machine, neither now nor at the next
# boot. Maintainer scripts ask policy-rc.d before they start anything: it says no
# meanwhile, and what the machine had there before is put back.
apt_install() {
    if [ "$(id -u)" != 0 ] || ! have apt-get; then
        die "missing: $*. As root on Debian: apt-get install $*"
    fi
    say "installing Debian packages: $*"
    (
        policy=/usr/sbin/policy-rc.d
        ours='# put here by netwiz while it installs packages'
        enabled=$(mktemp)
        log=$(mktemp)
        trap 'apt_restore' EXIT
        trap 'exit 130' HUP INT TERM
        unit_links >"$enabled"
        if [ -e "$policy" ] && ! grep -qF "$ours" "$policy"; then
            mv "$policy" "$policy.netwiz"
        fi
        printf '#!/bin/sh\n%s\nexit 101\n' "$ours" >"$policy"
        chmod 755 "$policy"
        # The package lists are tried as they are first: a machine may have good ones
        # and no way to fetch others.
        apt_get install "$@" || { apt_get update && apt_get install "$@"; } || {
            cat "$log" >&2
            exit 4
        }
    )
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends "$@" \
        </dev/null >"$log" 2>&1
}

apt_restore() {
    rm -f "$policy"
    if [ -e "$policy.netwiz" ]; then
        mv "$policy.netwiz" "$policy"
    fi
    # Only what this installation enabled: nothing that the machine had before.
    unit_links | comm -13 "$enabled" - | while read -r link; do
        rm -f "$link"
    done
    rm -f "$enabled" "$log"
}

unit_links() {
    find /etc/systemd/system -type l 2>/dev/null | sort
}

# find_python: sets $python to a Python that netwiz runs on, and that can make a venv.
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        "$python" -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 11)' \
            2>/dev/null && return
    done
    apt_install python3-venv
    python=/usr/bin/python3
    "$python" -c 'import sys, ensurepip; assert sys.version_info >= (3, 11)' 2>/dev/null ||
        die "netwiz needs Python 3.11 or newer; $python is older"
}

# ensure_venv LOCK: .venv holds what LOCK names, and netwiz itself. The stamp lists
# everything that decides what is in there, so a second run costs one checksum.
ensure_venv() {
    venv=$PWD/.venv
    stamp=$(cat "$1" pyproject.toml src/netwiz/__init__.py tools/common.sh | sha256sum)
    stamp="$PWD $stamp"
    if [ "$(cat "$venv/.netwiz-$1" 2>/dev/null)" = "$stamp" ] &&
        "$venv/bin/python" -c '' 2>/dev/null; then
        return
    fi
    find_python
    say "installing the Python packages of $1 into .venv"
    # A venv knows its own path: one from elsewhere, or of a Python that is gone, is
    # made again. Any other is kept and brought up to date.
    if ! "$venv/bin/python" -c 'import pip' 2>/dev/null ||
        ! head -1 "$venv/bin/pip" | grep -qF "$venv/bin/"; then
        "$python" -m venv --clear "$venv"
    fi
    pip="$venv/bin/python -m pip --quiet --disable-pip-version-check"
    # shellcheck disable=SC2086 # $pip is a command with its options
    $pip install --require-hashes -r "$1" >&2
    # shellcheck disable=SC2086
    $pip install --no-deps --no-build-isolation -e . >&2
    printf '%s\n' "$stamp" >"$venv/.netwiz-$1"
}
