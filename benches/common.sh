# What the measuring scripts share: a copy of the release binary, whole processes timed, and figures of several turns.
# Expects $root and $data; leaves $dropgate.

cd "$root"
cargo build --release --quiet
mkdir -p "$data"
# A copy, so that a build meanwhile does not change what is measured.
dropgate=$data/dropgate
cp "${CARGO_TARGET_DIR:-$root/target}/release/dropgate" "$dropgate"

# Sets `seconds`, `peak` (in KiB), and `cpu`: the seconds that all its threads took together, 0 where nothing tells.
measure() { # command...
    local log=$data/time.log start end
    if [[ -x /usr/bin/time ]]; then
        /usr/bin/time --format='%e %M %U %S' --output="$log" "$@" >"$data/out.log" 2>&1 || failed "$@"
        local user system
        read -r seconds peak user system < <(tail -n 1 "$log")
        cpu=$(awk "BEGIN { printf \"%.2f\", $user + $system }")
    else
        start=$EPOCHREALTIME
        "$@" >"$data/out.log" 2>&1 &
        local pid=$! high=0 now
        while now=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [[ -n $now ]]; do
            high=$now
            sleep 0.01
        done
        wait "$pid" || failed "$@"
        end=$EPOCHREALTIME
        seconds=$(awk "BEGIN { printf \"%.2f\", $end - $start }")
        peak=$high
        cpu=0
    fi
}

failed() {
    echo "failed: $*" >&2
    tail -n 20 "$data/out.log" >&2
    exit 1
}

# Prints median, lowest and highest of its arguments.
summary() {
    printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END {
        m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
        printf "%.2f %.2f %.2f\n", m, v[1], v[NR] }'
}

ratio() {
    awk "BEGIN { if ($2 > 0) printf \"%.2f\", $1 / $2; else print \"-\" }"
}

