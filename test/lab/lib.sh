# shellcheck shell=bash
# Functions of the lab: see README.md. Sourced by ./lab and ./bench.

# shellcheck source=network.sh
. "$LAB_DIR/network.sh"
# shellcheck source=processes.sh
. "$LAB_DIR/processes.sh"
# shellcheck source=configuration.sh
. "$LAB_DIR/configuration.sh"

die() { echo "lab: $*" >&2; exit 1; }

need() { # PROGRAM DEBIAN-PACKAGE [PROGRAM PACKAGE...]
    local missing=()
    while [ $# -gt 0 ]; do
        [ -e "$1" ] || command -v "$1" >/dev/null || missing+=("$2")
        shift 2
    done
    [ ${#missing[@]} -eq 0 ] || die "missing Debian package(s): apt-get install --no-install-recommends ${missing[*]}"
}

ipsec_libdir() {
    local d
    for d in /usr/lib/ipsec /usr/libexec/ipsec /usr/libexec/strongswan /usr/lib/strongswan; do
        [ -x "$d/charon" ] && { echo "$d"; return; }
    done
    echo /usr/lib/ipsec
}

check_machine() {
    local d
    [ "$(id -u)" = 0 ] || die "must run as root (it makes network namespaces)"
    d=$(ipsec_libdir)
    need ip iproute2 ping iputils-ping nft nftables python3 python3 curl curl openssl openssl \
        "$d/charon" strongswan-charon swanctl strongswan-swanctl pki strongswan-pki \
        "$d/plugins/libstrongswan-openssl.so" libstrongswan-standard-plugins \
        "$d/plugins/libstrongswan-kernel-libipsec.so" libcharon-extra-plugins \
        "$d/plugins/libstrongswan-eap-mschapv2.so" libcharon-extauth-plugins \
        "$d/plugins/libstrongswan-chapoly.so" libstrongswan-extra-plugins
    [ -c /dev/net/tun ] || die "no /dev/net/tun on this machine"
}

# --- scenario table -----------------------------------------------------------------

list_scenarios() { # prints "NAME<TAB>DESCRIPTION"
    sed -nE 's/^([a-z0-9][^ ]*) .*# *(.*)$/\1\t\2/p' "$LAB_DIR/scenarios.tab"
}

declare -A S    # settings of the scenario in hand

load_scenario() { # NAME
    local line word
    line=$(grep -E "^$1 " "$LAB_DIR/scenarios.tab") || die "no scenario '$1' (see: lab list)"
    S=([v]=2 [aggr]=no [gw]=pubkey [cl]=psk [key]=rsa [pool]=4 [ts]=net [outer]=4 [expect]=up
        [ike]=default [esp]=default [frag]=yes [fragsize]=1280 [cookie]=no [mobike]=yes [childless]=allow
        [ikerekey]=4h [childrekey]=1h [reauth]=0 [dpd]=0 [cdpd]=0 [idle]=0 [unity]=no [ppk]=no [push]=no
        [sigauth]=yes [pss]=no [phase2]=md5 [gwid]=$GW_ID
        [peer]=${LAB_STRONGSWAN:-5} [rawesp]=no [tls]=1.2 [redirect]=no [hook]= [lose]=no
        [cpsk]=$PSK [cpassword]=$PASSWORD [cppk]=$PPK)
    line=${line%%#*}
    for word in ${line#* }; do
        S[${word%%=*}]=${word#*=}
    done
    case ${S[key]} in
        rsa | ecdsa | ecdsa384 | ed25519 | big) : "${S[ckey]:=${S[key]}}" ;;
        *) : "${S[ckey]:=rsa}" ;;
    esac
    : "${S[cike]:=${S[ike]}}" "${S[cesp]:=${S[esp]}}" "${S[cpeer]:=${S[peer]}}"
    NAME=$1
    STATE=$LAB_STATE/$LAB_PREFIX-$NAME
    NS_GW=$LAB_PREFIX-$NAME-gw NS_IN=$LAB_PREFIX-$NAME-in NS_NAT=$LAB_PREFIX-$NAME-nat
    NS_CL=${LAB_CLIENT:-$LAB_PREFIX-$NAME-cl}
}

# --- addresses and credentials (the same in every scenario) --------------------------------

set_constants() {
    LAB_ID=${LAB_ID:-0}
    LAB_PREFIX=${LAB_PREFIX:-lab}
    LAB_STATE=${LAB_STATE:-${TMPDIR:-/tmp}/ikelab}
    GW4=198.18.$LAB_ID.1 GW6=fd18:$LAB_ID::1            # gateway, outer
    GWB4=198.18.$LAB_ID.7                               # its second address (redirect=)
    CL4=198.18.$LAB_ID.2 CL6=fd18:$LAB_ID::2            # client, outer (the NAT's outside with --nat)
    IN_CL4=198.19.$LAB_ID.2 IN_CL6=fd19:$LAB_ID::2      # client, outer, behind the NAT
    NAT4=198.19.$LAB_ID.1 NAT6=fd19:$LAB_ID::1
    NET4=10.77.$LAB_ID NET6=fd77:$LAB_ID:               # protected net: .1 gateway, .10 host
    NETB4=10.79.$LAB_ID                                 # second protected net (ts=two), same hosts
    POOL4=10.78.$LAB_ID NEWPOOL6=fd78:$LAB_ID:          # virtual addresses
    OWN4=10.80.$LAB_ID.1                                # client's own inner address (pool=none)
    GW_ID=gw.lab.test PSK=lab-psk-0123456789abcdef
    USER_NAME=alice PASSWORD=lab-password GROUP=labgroup
    PPK_ID=lab-ppk PPK=lab-ppk-0123456789abcdef0123456789abcdef
    # EAP-SIM and EAP-AKA: permanent identities (the first digit says which), Milenage
    # K and OPc of 3GPP TS 35.208 test set 1
    SIM_USER=1232010000000001@lab.test AKA_USER=0232010000000001@lab.test
    AKA_K=465b5ce8b199b49faa5f0a2ee238a6bc AKA_OPC=cd63cb71954a9f4e48a5994e37a02baf
    PKI=$LAB_STATE/pki-$LAB_ID
    PEERS=${LAB_PEERS:-${CULVERT_PEERS:-$LAB_DIR/../../../shared/peers}}   # where strongswan6.tar.xz is
    PEER6=$LAB_STATE/strongswan6                        # and unpacked
}

# strongSwan 6, for peer=6: unpacked beside the other state, once for each tarball
peer6_unpack() {
    local tarball=$PEERS/strongswan6.tar.xz sum
    [ -s "$tarball" ] || die "scenario $NAME needs strongSwan 6, and $tarball is missing (see its README.md)"
    need ldconfig libc-bin /usr/lib/"$(uname -m)"-linux-gnu/libgmp.so.10 libgmp10 \
        /usr/lib/"$(uname -m)"-linux-gnu/libcrypto.so.3 libssl3 xz xz-utils
    sum=$(sha256sum <"$tarball")
    [ "$(cat "$PEER6/.sum" 2>/dev/null)" = "$sum" ] && return
    mkdir -p "$LAB_STATE"
    (
        flock 9
        [ "$(cat "$PEER6/.sum" 2>/dev/null)" = "$sum" ] || {
            rm -rf "$PEER6"
            tar -xJf "$tarball" -C "$LAB_STATE" --no-same-owner
            echo "$sum" >"$PEER6/.sum"
        }
    ) 9>"$LAB_STATE/.strongswan6.lock"
}

peer_of() { # ROLE: which strongSwan plays it
    if [ "$1" = gw ]; then echo "${S[peer]}"; else echo "${S[cpeer]}"; fi
}

client_addrs() { # sets C4 C6, the client's addresses as it sees them
    if [ -e "$STATE/nat" ]; then C4=$IN_CL4 C6=$IN_CL6; else C4=$CL4 C6=$CL6; fi
}

make_pki() {
    [ -s "$PKI/p12.password" ] && return
    mkdir -p "$PKI"
    (
        flock 9
        [ -s "$PKI/p12.password" ] ||
            "$LAB_DIR/pki/make-pki" "$PKI" "$GW4" "$GW6" 2>"$PKI/make-pki.log" ||
            die "the PKI could not be made: $(cat "$PKI/make-pki.log")"
    ) 9>"$PKI/.lock"
}

# --- the gateway -------------------------------------------------------------------------------------

gateway_up() { # yes|no (NAT)
    [ ! -e "$STATE" ] || die "$LAB_PREFIX-$NAME is up already (state in $STATE)"
    [ ${#STATE} -lt 90 ] || die "state path too long for a UNIX socket: $STATE"
    make_pki
    mkdir -p "$STATE"
    [ "$1" = no ] || touch "$STATE/nat"
    trap scenario_down EXIT
    net_up
    configure gw
    write_env
    spawn "$STATE/inner.pid" "$STATE/inner.log" ip netns exec "$NS_IN" python3 "$LAB_DIR/inner.py" "$NET4.10" "$NET6:10"
    charon_up gw "$NS_GW"
    if [ "${S[cookie]}" = yes ]; then
        ip netns exec "$NS_IN" "$LAB_DIR/halfopen.py" "$GW4" || die "no half-open SA for the cookies"
    fi
    wait_for 10 ip netns exec "$NS_IN" curl -s -o /dev/null "http://$NET4.10/" || die "inner services did not start"
    trap - EXIT
}

scenario_down() {
    local p
    for p in "$STATE"/*/pid "$STATE"/*.pid; do stop "$p"; done
    net_down
    rm -rf "$STATE"
}

# --- the reference client --------------------------------------------------------------------------------

ref_up() { # charon in the client's namespace, loaded but not connected
    mkdir -p "$STATE/cl"
    configure cl
    if [ "${S[pool]}" = none ]; then
        in_client ip addr replace "$OWN4/32" dev lo
    fi
    charon_up cl "$NS_CL"
}

ref_connect() {
    [ -s "$STATE/cl/pid" ] || ref_up
    lab_swanctl cl --initiate --child net --timeout "$([ "${S[expect]}" = up ] && echo 20 || echo 5)" >"$STATE/cl/initiate.log" 2>&1
}

ref_down() {
    stop "$STATE/cl/pid"
    rm -rf "$STATE/cl"
}

move() { # move [client]: the outside address seen by the gateway, or the client's behind a NAT, changes from .2 to .3, or back
    local ns=$NS_CL dev=lab0 old=$CL4 new gone via=$GW4
    if [ -e "$STATE/nat" ]; then
        if [ "${1-}" = client ]; then old=$IN_CL4 via=$NAT4; else ns=$NS_NAT dev=out0; fi
    fi
    new=${old%.2}.3
    [ "$ns" != root ] || die "move works on namespaces only"
    if ip -n "$ns" -4 addr show dev "$dev" | grep -q "$new/"; then
        gone=$old old=$new new=$gone
    fi
    ip -n "$ns" addr add "$new/24" dev "$dev"
    ip -n "$ns" addr del "$old/24" dev "$dev"
    # deleting the last primary address takes the others and the routes with it
    ip -n "$ns" addr add "$new/24" dev "$dev" 2>/dev/null || true
    if [ "$ns" = "$NS_CL" ]; then
        ip -n "$ns" route replace default via "$via"
    fi
    echo "$old -> $new"
}

check() { # what a connected client must be able to do; prints what it cannot
    local missing=()
    local c4=(in_client curl -s --max-time 5 "http://$NET4.10/100000")
    local c6=(in_client curl -s --max-time 5 "http://[$NET6:10]/100000")
    local src=()
    [ "${S[pool]}" != none ] || src=(-I "$OWN4")
    case ${S[pool]}${S[ts]} in
        *tcp | *http)
            [ "$("${c4[@]}" | wc -c)" = 100000 ] || missing+=(http)
            ! in_client ping -c1 -W1 "$NET4.10" >/dev/null || missing+=(ping-not-refused) ;;
        6*)
            in_client ping -c1 -W3 "$NET6:10" >/dev/null || missing+=(ping6)
            [ "$("${c6[@]}" | wc -c)" = 100000 ] || missing+=(http6) ;;
        *host)
            in_client ping -c1 -W3 "$NET4.1" >/dev/null || missing+=(ping)
            ! in_client ping -c1 -W1 "$NET4.10" >/dev/null || missing+=(ping-not-refused) ;;
        *)
            in_client ping -c1 -W3 "${src[@]}" "$NET4.10" >/dev/null || missing+=(ping)
            [ "$("${c4[@]}" | wc -c)" = 100000 ] || missing+=(http)
            [ "${S[ts]}" != two ] || in_client ping -c1 -W3 "$NETB4.10" >/dev/null || missing+=(ping-net-b)
            if [ "${S[pool]}" = 46 ]; then
                in_client ping -c1 -W3 "$NET6:10" >/dev/null || missing+=(ping6)
            fi ;;
    esac
    echo "${missing[*]}"
}
