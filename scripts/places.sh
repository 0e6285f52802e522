# Roots of Debian releases as places of their own, with mounts and processes that all end with their first process.
# Shared by on-release and nodes; sourced, not run. A function that runs inside namespaces is on the outer system still:
# $new is where the root comes together.

# in_namespaces COMMAND...: with mounts and processes of its own, all of which end with it and with this script.
in_namespaces() {
    local child code=0
    setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child "$@" <&0 &
    child=$!
    trap "kill -KILL $child; wait $child 2>/dev/null; exit 129" HUP
    trap "kill -KILL $child; wait $child 2>/dev/null; exit 130" INT
    trap "kill -KILL $child; wait $child 2>/dev/null; exit 143" TERM
    wait $child || code=$?
    trap - HUP INT TERM
    return $code
}

# at DIRECTORY OPTION...: mounts there.
at() {
    mkdir -p "$new$1"
    mount "${@:2}" "$new$1"
}

# layer WHERE BELOW CHANGES: BELOW's content at WHERE (several directories, the uppermost first: A:B); what is changed there
# goes to CHANGES.
layer() {
    mkdir -p "$3/upper" "$3/work"
    at "$1" -t overlay -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" overlay
}

# devices NAME...: a /dev of the root's own, since what is installed there may change it; with these devices where they are.
devices() {
    local device
    at /dev -t tmpfs -o mode=755 tmpfs
    for device in null zero full random urandom tty "$@"; do
        [ ! -e "/dev/$device" ] || (cd /dev && cp -a --parents "$device" "$new/dev")
    done
    at /dev/pts -t devpts -o newinstance,ptmxmode=666,mode=620 devpts
    at /dev/shm -t tmpfs tmpfs
    ln -s pts/ptmx "$new/dev/ptmx"
    ln -s /proc/self/fd "$new/dev/fd"
    ln -s fd/0 "$new/dev/stdin"
    ln -s fd/1 "$new/dev/stdout"
    ln -s fd/2 "$new/dev/stderr"
}
