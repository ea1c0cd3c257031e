#!/usr/bin/env bash
# How long `dropgate admit` takes beside copying the same tree, with and without looking at what was copied.
#
#   benches/admit.sh                     N=3 turns of each command, in the page cache
#   N=5 SCRATCH=/dev/shm benches/admit.sh    into another file system
#
# `admit` hashes, judges, and has everything on the disk before it says ACCEPT; `cp` does none of that, hence the rows with
# sync and sha256sum. The data stays under target/bench (2.5 GB); copies go to SCRATCH and are removed at the end, for
# ext4 makes new files slowly for a while after many were deleted.
# A limit that does not hold makes the exit code 1. On a machine that does other things too, the lowest figures count, and the
# processor time tells more than the clock: cp has one thread, admit one for each core.
set -euo pipefail
export LC_ALL=C

turns=${N:-3}
files=${FILES:-20000}
big=${BIG:-256M}
most=${MOST:-1.20}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=$root/target/bench
# shellcheck source=benches/common.sh
source "$root/benches/common.sh"
scratch=$(mktemp -d "${SCRATCH:-$data}/copies.XXXXXX")
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

make_small() { # directory
    [[ -e $1/made ]] && return
    rm -rf "$1"
    local folder
    for folder in $(seq -w 0 99); do
        mkdir -p "$1/drop/$folder"
        head -c $((files / 100 * 16384)) /dev/urandom |
            split --bytes=16384 --suffix-length=6 --numeric-suffixes - "$1/drop/$folder/f"
    done
    touch "$1/made"
}

make_large() { # directory
    [[ -e $1/made ]] && return
    rm -rf "$1"
    mkdir -p "$1/drop"
    local number
    for number in 1 2 3 4 5 6 7 8; do
        head -c "$big" /dev/urandom >"$1/drop/image-$number.bin"
    done
    touch "$1/made"
}

sign() { # directory, product
    "$dropgate" manifest create "$1/drop" --vendor Acme --product "$2" --version 1 \
        --kind new-component --sequence 1 --key "$data/vendor.pem" --replace --quiet
    rm -rf "$1/gate"
    "$dropgate" init "$1/gate" --operator Example --key "$data/vendor.pub.pem" --vendor Acme --owner 'Jane Doe' --quiet >/dev/null
}

compare() { # title, directory
    local title=$1 directory=$2 turn name seconds cpu
    local -A times=() work=()
    local names=('cp -r' 'cp -r, sync' 'cp -r, sha256sum' 'cp -r, sha256sum, sync' 'dropgate admit')
    for ((turn = 0; turn < turns; turn++)); do
        for name in "${names[@]}"; do
            local to=$scratch/${title// /-}-$turn-${name//[ ,]/-}
            # Each begins with the drop in the page cache and nothing to be written.
            find "$directory/drop" -type f -print0 | xargs -0 cat >/dev/null
            sync
            case $name in
            'cp -r') measure cp -r "$directory/drop" "$to" ;;
            'cp -r, sync') measure bash -c "cp -r '$directory/drop' '$to' && sync -f '$to'" ;;
            'cp -r, sha256sum') measure bash -c "cp -r '$directory/drop' '$to' && $(sums "$to")" ;;
            'cp -r, sha256sum, sync') measure bash -c "cp -r '$directory/drop' '$to' && $(sums "$to") && sync -f '$to'" ;;
            *) measure "$dropgate" admit "$directory/drop" --gate "$directory/gate/gate.toml" --into "$to" --quiet ;;
            esac
            times[$name]+="$seconds "
            work[$name]+="$cpu "
            # Few files, much room.
            [[ $title == *large* ]] && chmod -R u+w "$to" && rm -rf "$to"
        done
    done
    local base median low high least
    # Figures only, apart by blanks.
    # shellcheck disable=SC2086
    read -r _ base _ < <(summary ${times['cp -r']})
    printf '\n%s, %d turns, warm cache\n' "$title" "$turns"
    printf '  %-24s %8s  %-17s %15s  %s\n' command median spread 'lowest to cp -r' 'processor, least'
    for name in "${names[@]}"; do
        # shellcheck disable=SC2086
        read -r _ least _ < <(summary ${work[$name]})
        # shellcheck disable=SC2086
        read -r median low high < <(summary ${times[$name]})
        printf '  %-24s %7ss  %6s .. %-6ss %16s  %ss\n' "$name" "$median" "$low" "$high" "$(ratio "$low" "$base")" "$least"
    done
    result=$(ratio "$low" "$base")
}

sums() { # directory
    printf "find '%s' -type f -print0 | xargs -0 sha256sum" "$1"
}

[[ -e $data/vendor.pem ]] || "$dropgate" key generate "$data/vendor" --quiet >/dev/null
make_small "$data/admit-small-$files"
make_large "$data/admit-large-$big"
sign "$data/admit-small-$files" small
sign "$data/admit-large-$big" large

held=0
limit() { # what, ratio
    if awk "BEGIN { exit !($2 <= $most) }"; then
        printf '  holds      %s: %s times the copy alone, at most %s\n' "$1" "$2" "$most"
    else
        printf '  EXCEEDED   %s: %s times the copy alone, expected at most %s\n' "$1" "$2" "$most"
        held=1
    fi
}

compare "$files small files of 16 KiB" "$data/admit-small-$files"
small=$result
compare "8 large files of $big" "$data/admit-large-$big"
large=$result
printf '\nlimits\n'
limit 'many small files' "$small"
limit 'few large files' "$large"
printf '\n%s, %s, %s\n' "$(uname -srm)" "$(nproc) cores" "$("$dropgate" --version | tail -n 1)"
exit "$held"
