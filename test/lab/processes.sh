# shellcheck shell=bash
# Processes of a scenario, and charon among them. Sourced by lib.sh.

spawn() { # PIDFILE LOG COMMAND... : start in the background, outliving this shell
    local pidfile=$1 log=$2
    shift 2
    setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
    echo $! >"$pidfile"
}

alive() { # PID; a zombie that nobody reaped yet is not alive
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
    [ -n "$state" ] && [ "$state" != Z ]
}

stop() { # PIDFILE
    local pid i
    [ -s "$1" ] || return 0
    pid=$(cat "$1")
    if kill "$pid" 2>/dev/null; then
        for i in $(seq 150); do
            alive "$pid" || break
            sleep 0.02
            [ "$i" != 150 ] || kill -9 "$pid" 2>/dev/null || true
        done
    fi
    rm -f "$1"
}

wait_for() { # SECONDS COMMAND...
    local n=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        n=$((n - 1))
        [ $n -gt 0 ] || return 1
        sleep 0.05
    done
}

# charon runs in its namespace with a private /run, so that its PID file and the
# sockets of its default configuration cannot meet those of another charon.
charon_up() { # ROLE NAMESPACE
    local role=$1 ns=$2 dir=$STATE/$1 exe
    case $(peer_of "$role") in
        5) exe=$(ipsec_libdir)/charon ;;
        6) peer6_unpack; exe=$PEER6/bin/charon ;;
        *) die "scenario $NAME: no such strongSwan: '$(peer_of "$role")'" ;;
    esac
    mkdir -p "$dir/run" "$dir/keys"
    # shellcheck disable=SC2016
    local start='mount --bind "$1/run" /run && STRONGSWAN_CONF=$1/strongswan.conf exec "$2"'
    if [ "$ns" = root ]; then
        spawn "$dir/pid" "$dir/stdout" unshare -m sh -c "$start" sh "$dir" "$exe"
    else
        spawn "$dir/pid" "$dir/stdout" ip netns exec "$ns" sh -c "$start" sh "$dir" "$exe"
    fi
    wait_for 10 test -S "$dir/vici" || die "charon ($role) did not start: $(tail -n 5 "$dir/stdout" "$dir/log" 2>&1)"
    lab_swanctl "$role" --load-all --noprompt >"$dir/load.log" 2>&1 ||
        die "swanctl could not load the $role's configuration: $(cat "$dir/load.log")"
}

lab_swanctl() { # ROLE ARGS...
    local dir=$STATE/$1 cmd=$2 exe=swanctl
    [ "$(peer_of "$1")" != 6 ] || exe=$PEER6/bin/swanctl
    shift 2
    STRONGSWAN_CONF=$dir/strongswan.conf SWANCTL_DIR=$dir/swanctl "$exe" "$cmd" --uri "unix://$dir/vici" "$@"
}
