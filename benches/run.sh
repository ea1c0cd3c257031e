#!/usr/bin/env bash
# How fast `dropgate verify` is beside the plain digest tools, and how much memory it takes.
#
#   benches/run.sh            N=3 turns of each command
#   N=5 benches/run.sh
#   FILES=10000 BIG=1G benches/run.sh    smaller data
#
# The data stays under target/bench for the next run (about 0.5 GB on disk; the large file is sparse).
# Each command runs as a whole process over data in the page cache, the commands in turns.
# A limit that does not hold makes the exit code 1.
set -euo pipefail
export LC_ALL=C

turns=${N:-3}
files=${FILES:-100000}
big=${BIG:-8G}
jobs=${JOBS:-2}
memory_limit_kib=$((64 * 1024))
artifact_limit=400

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=$root/target/bench
# shellcheck source=benches/common.sh
source "$root/benches/common.sh"

# Makes a drop of 4 KiB files in 100 folders, unless it is there from the last run.
make_small() { # directory, files
    local directory=$1 count=$2 each=$(($2 / 100))
    [[ -e $directory/made ]] && return
    rm -rf "$directory"
    mkdir -p "$directory/drop"
    echo "making $count files of 4 KiB in 100 folders" >&2
    local folder
    for folder in $(seq -w 0 99); do
        mkdir "$directory/drop/$folder"
        # Random, so that nothing below can share or compress it; split names the pieces itself.
        head -c $((each * 4096)) /dev/urandom |
            split --bytes=4096 --suffix-length=6 --numeric-suffixes - "$directory/drop/$folder/f"
    done
    touch "$directory/made"
}

make_big() { # directory
    [[ -e $1/made-$big ]] && return
    rm -rf "$1"
    mkdir -p "$1/drop"
    truncate --size="$big" "$1/drop/image.bin"
    touch "$1/made-$big"
}

sign() { # directory
    local directory=$1
    "$dropgate" manifest create "$directory/drop" --vendor Acme --product bench --version 1 \
        --kind new-component --sequence 1 --key "$data/vendor.pem" --replace --quiet
    rm -rf "$directory/gate"
    "$dropgate" init "$directory/gate" --operator Example --key "$data/vendor.pub.pem" \
        --vendor Acme --owner 'Jane Doe' --quiet >/dev/null
    # Speed and memory are the question here, so only the pack of integrity is asked.
    sed -i '/so14.toml/d' "$directory/gate/gate.toml"
}

# The commands that are compared, as scripts of their own: `measure` runs whole processes.
plain() { # directory, tool
    printf 'find "%s/drop" -type f -print0 | xargs -0 -P%s -n 500 %s\n' "$1" "$jobs" "$2"
}

compare() { # title, directory
    local title=$1 directory=$2 turn seconds peak
    local ours=() sum=() ssl=() highest=0
    find "$directory/drop" -type f -print0 | xargs -0 cat >/dev/null
    for ((turn = 0; turn < turns; turn++)); do
        measure "$dropgate" verify "$directory/drop" --gate "$directory/gate/gate.toml"
        ours+=("$seconds")
        ((peak > highest)) && highest=$peak
        measure bash -c "$(plain "$directory" sha256sum)"
        sum+=("$seconds")
        measure bash -c "$(plain "$directory" 'openssl dgst -sha256')"
        ssl+=("$seconds")
    done
    local median low high base
    read -r base low high < <(summary "${ours[@]}")
    printf '\n%s, %d turns, warm cache\n' "$title" "$turns"
    printf '  %-24s %8s  %-17s %8s\n' command median spread ratio
    printf '  %-24s %7ss  %6s .. %-6ss %8s  peak %d MiB\n' 'dropgate verify' "$base" "$low" "$high" 1.00 $((highest / 1024))
    read -r median low high < <(summary "${sum[@]}")
    printf '  %-24s %7ss  %6s .. %-6ss %8s\n' "sha256sum -P$jobs" "$median" "$low" "$high" "$(ratio "$median" "$base")"
    read -r median low high < <(summary "${ssl[@]}")
    printf '  %-24s %7ss  %6s .. %-6ss %8s\n' "openssl dgst -P$jobs" "$median" "$low" "$high" "$(ratio "$median" "$base")"
    result_seconds=$base
    result_peak=$highest
}

held=0
limit() { # what, found, limit
    if (($2 < $3)); then
        printf '  holds      %s: %d < %d\n' "$1" "$2" "$3"
    else
        printf '  EXCEEDED   %s: %d, expected less than %d\n' "$1" "$2" "$3"
        held=1
    fi
}

[[ -e $data/vendor.pem ]] || "$dropgate" key generate "$data/vendor" --quiet >/dev/null
small=$data/small-$files
tenth=$data/small-$((files / 10))
make_small "$small" "$files"
make_small "$tenth" $((files / 10))
make_big "$data/big"
for directory in "$small" "$tenth" "$data/big"; do
    sign "$directory"
done

compare "$((files / 10)) files of 4 KiB" "$tenth"
tenth_seconds=$result_seconds tenth_peak=$result_peak
compare "$files files of 4 KiB" "$small"
small_seconds=$result_seconds small_peak=$result_peak
compare "one file of $big" "$data/big"
big_peak=$result_peak

per=$(((small_peak - tenth_peak) * 1024 / (files - files / 10)))
printf '\nfrom %d to %d files: time x%s, memory %d bytes for each further artifact\n' \
    $((files / 10)) "$files" "$(ratio "$small_seconds" "$tenth_seconds")" "$per"
printf '\nlimits\n'
limit 'peak memory of the large file, KiB' "$big_peak" "$memory_limit_kib"
limit 'memory for each artifact, bytes' "$per" "$artifact_limit"
printf '\n%s, %s, %s\n' "$(uname -srm)" "$(nproc) cores" "$("$dropgate" --version | tail -n 1)"
exit "$held"
