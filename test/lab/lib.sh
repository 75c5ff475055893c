# shellcheck shell=bash
# Functions of the lab: see README.md. Sourced by ./lab and ./bench.

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

# --- network ------------------------------------------------------------------------------

in_client() { # run in the client's namespace
    if [ "$NS_CL" = root ]; then "$@"; else ip netns exec "$NS_CL" "$@"; fi
}

netns_new() {
    ip netns add "$1"
    ip -n "$1" link set lo up
    ip netns exec "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
        echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
}

# `ip netns exec` shows the namespace its own /etc/resolv.conf when there is one here, so
# that a client under test cannot change the machine's name servers.
resolv_new() { # NS
    # a parallel `down` may take the empty /etc/netns away between mkdir's two steps
    mkdir -p "/etc/netns/$1" 2>/dev/null || mkdir -p "/etc/netns/$1"
    echo "nameserver 192.0.2.53" >"/etc/netns/$1/resolv.conf"
}

resolv_del() { # NS
    rm -rf "/etc/netns/$1"
    rmdir /etc/netns 2>/dev/null || true
}

link_up() { # NS IF ADDR...
    local ns=$1 dev=$2 a
    shift 2
    for a in "$@"; do
        case $a in *:*) ip -n "$ns" addr add "$a" dev "$dev" nodad ;; *) ip -n "$ns" addr add "$a" dev "$dev" ;; esac
    done
    ip -n "$ns" link set "$dev" up
}

router() { ip netns exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'; }

net_up() { # builds cl -- [nat --] gw -- in
    local near=$NS_CL dev=lab0 peer=$NS_GW target
    netns_new "$NS_GW"
    netns_new "$NS_IN"
    router "$NS_GW"
    if [ -z "${LAB_CLIENT-}" ]; then
        resolv_new "$NS_CL"
        netns_new "$NS_CL"
    fi
    if [ -e "$STATE/nat" ]; then
        netns_new "$NS_NAT"
        router "$NS_NAT"
        ip -n "$NS_NAT" link add out0 type veth peer name wan0 netns "$NS_GW"
        link_up "$NS_NAT" out0 "$CL4/24" "$CL6/64"
        ip netns exec "$NS_NAT" nft -f - <<NFT
table inet lab {
    chain post {
        type nat hook postrouting priority srcnat
        oifname "out0" masquerade
    }
}
NFT
        peer=$NS_NAT
    fi
    client_addrs
    if [ "$NS_CL" = root ]; then
        dev=$(printf 'lab%.8s' "$(echo "$LAB_PREFIX-$NAME" | md5sum)")
        target=$([ "$peer" = "$NS_NAT" ] && echo in0 || echo wan0)
        ip link add "$dev" type veth peer name "$target" netns "$peer"
        ip addr add "$C4/24" dev "$dev"
        ip addr add "$C6/64" dev "$dev" nodad
        ip link set "$dev" up
        echo "$dev" >"$STATE/rootdev"
    else
        target=$([ "$peer" = "$NS_NAT" ] && echo in0 || echo wan0)
        ip -n "$near" link add "$dev" type veth peer name "$target" netns "$peer"
        link_up "$near" "$dev" "$C4/24" "$C6/64"
    fi
    link_up "$NS_GW" wan0 "$GW4/24" "$GW6/64"
    [ "${S[redirect]}" = no ] || ip -n "$NS_GW" addr add "$GWB4/24" dev wan0
    if [ "$peer" = "$NS_NAT" ]; then
        link_up "$NS_NAT" in0 "$NAT4/24" "$NAT6/64"
        if [ "$NS_CL" = root ]; then
            ip route add "$GW4/32" via "$NAT4"
            ip -6 route add "$GW6/128" via "$NAT6"
        else
            ip -n "$near" route add default via "$NAT4"
            ip -n "$near" -6 route add default via "$NAT6"
        fi
    elif [ "$NS_CL" != root ]; then
        ip -n "$near" route add default via "$GW4"
        ip -n "$near" -6 route add default via "$GW6"
    fi
    # A plain router would carry the inner packets too: the gateway must not
    # forward anything between outside and inside that did not come by tunnel.
    ip netns exec "$NS_GW" nft -f - <<NFT
table inet lab {
    chain forward {
        type filter hook forward priority filter
        iifname "wan0" drop
        oifname "wan0" drop
    }
    chain input {
        type filter hook input priority filter
        iifname "wan0" ip daddr != { $GW4, $GWB4 } drop
    }
}
NFT
    if [ "${S[lose]}" != no ]; then
        # the limit matches once, and then not for a day
        ip netns exec "$NS_GW" nft -f - <<NFT
table inet lab {
    chain output {
        type filter hook output priority filter
        oifname "wan0" udp sport $([ "${S[lose]}" = init ] && echo 500 || echo 4500) limit rate 1/day burst 1 packets drop
    }
}
NFT
    fi
    ip -n "$NS_GW" link add lan0 type veth peer name lan0 netns "$NS_IN"
    link_up "$NS_GW" lan0 "$NET4.1/24" "$NET6:1/64" "$NETB4.1/24"
    link_up "$NS_IN" lan0 "$NET4.10/24" "$NET6:10/64" "$NETB4.10/24"
    ip -n "$NS_IN" route add default via "$NET4.1"
    ip -n "$NS_IN" -6 route add default via "$NET6:1"
}

net_down() {
    local ns
    if [ -s "$STATE/rootdev" ]; then
        ip route del "$GW4/32" via "$NAT4" 2>/dev/null || true
        ip -6 route del "$GW6/128" via "$NAT6" 2>/dev/null || true
        ip link del "$(cat "$STATE/rootdev")" 2>/dev/null || true
    fi
    for ns in "$NS_GW" "$NS_IN" "$NS_NAT" $([ -z "${LAB_CLIENT-}" ] && echo "$NS_CL"); do
        if [ -e "/run/netns/$ns" ]; then ip netns del "$ns"; fi
    done
    if [ -z "${LAB_CLIENT-}" ]; then resolv_del "$NS_CL"; fi
}

# --- processes -------------------------------------------------------------------------------

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

# --- configuration of charon --------------------------------------------------------------------

strongswan_conf() { # ROLE
    local dir=$STATE/$1 more="" resolvconf
    resolvconf=$dir/none    # 5.9.8 then writes the file itself; 6 must be given a command
    if [ "$(peer_of "$1")" = 6 ]; then
        resolvconf="\"sh -c 'cat >$dir/resolv.conf' sh\""
        more="sha3 md4 des rc2 fips-prf ml files eap-peap eap-sim eap-sim-file eap-aka eap-aka-3gpp xauth-eap save-keys"
        [ "$1" = cl ] || more="$more labmisbehave"
    fi
    cat <<CONF
charon {
    load = nonce random drbg aesni openssl aes sha1 sha2 md5 mgf1 hmac kdf xcbc cmac ctr ccm gcm curve25519 chapoly gmp pem pkcs1 pkcs7 pkcs8 pkcs12 x509 pubkey revocation constraints kernel-libipsec kernel-netlink socket-default vici resolve unity eap-identity eap-md5 eap-gtc eap-mschapv2 eap-tls eap-ttls xauth-generic counters $more
    filelog {
        log {
            path = $dir/log
            time_format = %H:%M:%S
            time_add_ms = yes
            flush_line = yes
            default = 1
            ike = 2
            cfg = 2
        }
    }
    plugins {
        vici { socket = unix://$dir/vici }
        # Marked IKE/ESP packets bypass the tunnel's routes, so that selectors may
        # cover the peer's own address (full tunnel, host to host).
        kernel-netlink { fwmark = !0x42 }
        socket-default { fwmark = 0x42 }
        kernel-libipsec {
            allow_peer_ts = yes
            raw_esp = ${S[rawesp]}
        }
        resolve {
            file = $dir/resolv.conf
            resolvconf { path = $resolvconf }
        }
        eap-gtc { backend = generic }
        eap-ttls { phase2_method = ${S[phase2]} }
        eap-peap { phase2_method = ${S[phase2]} }
        save-keys {
            load = yes
            ike = yes
            esp = yes
            wireshark_keys = $dir/keys
        }
    }
    tls { version_max = ${S[tls]} }
    half_open_timeout = 86400
    i_dont_care_about_security_and_use_aggressive_mode_psk = yes
    accept_unencrypted_mainmode_messages = yes
    cisco_unity = ${S[unity]}
    send_vendor_id = yes
    signature_authentication = ${S[sigauth]}
    rsa_pss = ${S[pss]}
    fragment_size = ${S[fragsize]}
    max_packet = 30000
CONF
    if [ "$1" = gw ] && [ "${S[cookie]}" = yes ]; then
        # one half-open SA (see gateway_up) and every newcomer has to show a cookie
        echo "    cookie_threshold = 1"
    fi
    echo "}"
    if [ "$1" = gw ] && [ "${S[peer]}" = 6 ]; then misbehaviour; fi
}

# What the labmisbehave plugin reads. hook=NAME:KEY=VALUE:...[;NAME...], where + is a
# blank and PAYLOAD.KEY=VALUE goes to a subsection; LAB_HOOKS adds hooks as they are.
misbehaviour() {
    local hook word part i=0
    local IFS
    echo "hooks {"
    IFS=';'
    for hook in ${S[hook]}; do
        i=$((i + 1))
        printf '    %s-%s {\n' "${hook%%:*}" $i
        IFS=:
        for word in ${hook#"${hook%%:*}"}; do
            [ -n "$word" ] || continue
            part=${word%%=*}
            case $part in
                *.*) printf '        %s { %s = %s }\n' "${part%.*}" "${part##*.}" "$(tr + ' ' <<<"${word#*=}")" ;;
                *) printf '        %s = %s\n' "$part" "$(tr + ' ' <<<"${word#*=}")" ;;
            esac
        done
        IFS=';'
        echo "    }"
    done
    printf '%s\n}\n' "${LAB_HOOKS-}"
    case ${S[redirect]} in
        no | active) ;;
        init | auth) printf 'redirect {\n    on_%s = %s\n    once = yes\n}\n' "${S[redirect]}" "$GWB4" ;;
        loop) printf 'redirect { on_init = %s }\n' "$GWB4" ;;
        *) die "scenario $NAME: redirect=${S[redirect]}" ;;
    esac
}

auth_round() { # ROUND-NAME SIDE(local|remote) KIND OWNER(gw|cl) VIEWER(gw|cl) FIRST(yes|no)
    local round=$1 side=$2 kind=$3 owner=$4 viewer=$5 first=$6 id cert
    if [ "$owner" = gw ]; then
        id=${S[gwid]} cert=server-${S[key]}
        [ "$viewer" = gw ] || id=$GW_ID
    else
        id=client-${S[ckey]}@lab.test cert=client-${S[ckey]}
    fi
    printf '        %s {\n' "$round"
    case $kind in
        psk)
            echo "            auth = psk"
            if [ "$owner" = gw ]; then
                echo "            id = $id"
            elif [ "$viewer" = cl ]; then
                if [ "${S[aggr]}${S[v]}" = yes1 ]; then echo "            id = keyid:$GROUP"; else echo "            id = $USER_NAME@lab.test"; fi
            fi ;;
        pubkey)
            echo "            auth = pubkey"
            if [ "$side" = local ]; then
                printf '            id = %s\n            certs = %s.crt\n' "$id" "$cert"
            elif [ "$owner" = gw ]; then
                echo "            id = $id"
            else
                # the gateway: only certificates that chain up to the lab's root, CRL obeyed
                printf '            cacerts = ca.crt\n            revocation = ifuri\n'
            fi ;;
        xauth)
            echo "            auth = xauth"
            [ "$viewer$side" != cllocal ] || printf '            id = %s\n            xauth_id = %s\n' "$USER_NAME" "$USER_NAME" ;;
        eap-tls)
            echo "            auth = eap-tls"
            if [ "$side" = local ]; then
                printf '            id = %s\n            certs = %s.crt\n' "$id" "$cert"
                [ "$owner" = gw ] || [ "$first" = yes ] || true
            elif [ "$owner" = gw ]; then
                echo "            id = $id"
            else
                echo "            eap_id = %any"
            fi ;;
        eap-sim | eap-aka)
            echo "            auth = $kind"
            [ $kind = eap-sim ] && id=$SIM_USER || id=$AKA_USER
            if [ "$side" = local ]; then
                printf '            id = %s\n            eap_id = %s\n' "$USER_NAME@lab.test" "$id"
            else
                echo "            eap_id = %any"
            fi ;;
        eap-*)
            echo "            auth = $kind"
            if [ "$side" = local ]; then
                printf '            id = %s\n            eap_id = %s\n' "$USER_NAME@lab.test" "$USER_NAME"
                case $kind in eap-ttls | eap-peap) echo "            aaa_id = $GW_ID" ;; esac
            else
                echo "            eap_id = %any"
            fi ;;
        *) die "scenario $NAME: no auth kind '$kind'" ;;
    esac
    printf '        }\n'
}

selectors() { # prints the gateway's side of the selectors
    local n4=$NET4.0/24 n6=$NET6:/64
    case ${S[ts]} in
        net) case ${S[pool]} in 6) echo "$n6" ;; 46) echo "$n4,$n6" ;; *) echo "$n4" ;; esac ;;
        full) case ${S[pool]} in 6) echo "::/0" ;; 46) echo "0.0.0.0/0,::/0" ;; *) echo "0.0.0.0/0" ;; esac ;;
        host) echo "$NET4.1/32" ;;
        tcp) echo "${n4}[tcp]" ;;
        http) echo "${n4}[tcp/80]" ;;
        two) echo "$n4,$NETB4.0/24" ;;
        *) die "scenario $NAME: no selector kind '${S[ts]}'" ;;
    esac
}

swanctl_conf() { # ROLE
    local role=$1 i=0 kind ts psk=$PSK password=$PASSWORD ppk=$PPK
    local me=local you=remote ike=${S[ike]} esp=${S[esp]} laddr raddr
    if [ "$role" = cl ]; then
        ike=${S[cike]} esp=${S[cesp]} psk=${S[cpsk]} password=${S[cpassword]} ppk=${S[cppk]}
        client_addrs
        laddr=$C4 raddr=$GW4
        [ "${S[outer]}" = 4 ] || laddr=$C6 raddr=$GW6
    else
        laddr=$GW4,$GW6 raddr=%any
        [ "${S[redirect]}" = no ] || laddr=$laddr,$GWB4
    fi
    cat <<CONF
connections {
    lab {
        version = ${S[v]}
        local_addrs = $laddr
        remote_addrs = $raddr
        proposals = $ike
        aggressive = ${S[aggr]}
        fragmentation = ${S[frag]}
        mobike = ${S[mobike]}
        unique = never
        send_cert = always
CONF
    if [ "$role" = gw ]; then
        printf '        rekey_time = %s\n        reauth_time = %s\n        over_time = 30\n        rand_time = 0\n' "${S[ikerekey]}" "${S[reauth]}"
        printf '        dpd_delay = %s\n        childless = %s\n' "${S[dpd]}" "${S[childless]}"
        [ "${S[push]}" = no ] || echo "        pull = no"
        case ${S[pool]} in
            4) echo "        pools = p4" ;;
            6) echo "        pools = p6" ;;
            46) echo "        pools = p4, p6" ;;
        esac
        [ "${S[ppk]}" = no ] || echo "        ppk_required = yes"
    else
        printf '        rekey_time = 4h\n        over_time = 10\n        rand_time = 0\n        dpd_delay = %s\n' "${S[cdpd]}"
        [ "${S[push]}" = no ] || echo "        pull = no"
        case ${S[pool]} in
            4) echo "        vips = 0.0.0.0" ;;
            6) echo "        vips = ::" ;;
            46) echo "        vips = 0.0.0.0, ::" ;;
        esac
        [ "${S[ppk]}" = no ] || printf '        ppk_id = %s\n        ppk_required = yes\n' "$PPK_ID"
        if [ "${S[childless]}" = force ]; then echo "        childless = force"; fi
    fi
    [ "$role" = gw ] || { me=remote you=local; }
    auth_round "$me" "$me" "${S[gw]}" gw "$role" yes
    for kind in ${S[cl]//+/ }; do
        i=$((i + 1))
        auth_round "$you-$i" "$you" "$kind" cl "$role" "$([ $i = 1 ] && echo yes || echo no)"
    done
    ts=$(selectors)
    printf '        children {\n            net {\n                esp_proposals = %s\n' "$esp"
    if [ "$role" = gw ]; then
        printf '                local_ts = %s\n' "$ts"
        [ "${S[pool]}" != none ] || printf '                remote_ts = %s/32\n' "$OWN4"
        printf '                rekey_time = %s\n                rand_time = 0\n                inactivity = %s\n' "${S[childrekey]}" "${S[idle]}"
    else
        printf '                remote_ts = %s\n                rekey_time = 1h\n' "$ts"
        [ "${S[pool]}" != none ] || printf '                local_ts = %s/32\n' "$OWN4"
    fi
    cat <<CONF
            }
        }
    }
}
CONF
    if [ "$role" = gw ]; then
        cat <<CONF
pools {
    p4 {
        addrs = $POOL4.10-$POOL4.200
        dns = $NET4.10
    }
    p6 {
        addrs = ${NEWPOOL6}:10-${NEWPOOL6}:ff
        dns = ${NET6}:10
    }
}
CONF
    fi
    cat <<CONF
secrets {
    ike-lab { secret = "$psk" }
    eap-lab {
        id = $USER_NAME
        secret = "$password"
    }
    eap-aka {
        id = $AKA_USER
        secret = 0x$AKA_K$AKA_OPC
    }
    ppk-lab {
        id = $PPK_ID
        secret = "$ppk"
    }
}
CONF
}

configure() { # ROLE
    local dir=$STATE/$1 d
    for d in x509 x509ca x509aa x509ac x509crl x509ocsp pubkey private rsa ecdsa bliss pkcs8 pkcs12; do mkdir -p "$dir/swanctl/$d"; done
    strongswan_conf "$1" >"$dir/strongswan.conf"
    # /run is charon's own, and strongSwan 6 here looks for its SIM card there
    mkdir -p "$dir/run/ipsec.d"
    printf "$SIM_USER,%032x,%08x,%016x\n" 0xa1 0xb1 0xc1 0xa2 0xb2 0xc2 0xa3 0xb3 0xc3 >"$dir/run/ipsec.d/triplets.dat"
    swanctl_conf "$1" >"$dir/swanctl/swanctl.conf"
    cp "$PKI/ca.crt" "$dir/swanctl/x509ca/"
    if [ "$1" = gw ]; then
        cp "$PKI/sub.crt" "$dir/swanctl/x509ca/"
        cp "$PKI/ca.crl" "$PKI/sub.crl" "$dir/swanctl/x509crl/"
        cp "$PKI/server-${S[key]}.crt" "$dir/swanctl/x509/"
        cp "$PKI/server-${S[key]}.key" "$dir/swanctl/private/"
    else
        cp "$PKI/client-${S[ckey]}.crt" "$dir/swanctl/x509/"
        cp "$PKI/client-${S[ckey]}.key" "$dir/swanctl/private/"
        # a client signed by the intermediate has to send it along
        cp "$PKI/sub.crt" "$dir/swanctl/x509ca/"
    fi
}

write_env() {
    client_addrs
    cat >"$STATE/env" <<ENV
LAB_SCENARIO=$NAME
LAB_NS_CLIENT=$NS_CL
LAB_NS_GATEWAY=$NS_GW
LAB_NS_INNER=$NS_IN
LAB_NAT=$([ -e "$STATE/nat" ] && echo yes || echo no)
LAB_IKE_VERSION=${S[v]}
LAB_AGGRESSIVE=${S[aggr]}
LAB_AUTH_GATEWAY=${S[gw]}
LAB_AUTH_CLIENT=${S[cl]}
LAB_IKE_PROPOSALS=${S[ike]}
LAB_ESP_PROPOSALS=${S[esp]}
LAB_CLIENT_IKE_PROPOSALS=${S[cike]}
LAB_CLIENT_ESP_PROPOSALS=${S[cesp]}
LAB_CLIENT_PSK=${S[cpsk]}
LAB_OUTER=${S[outer]}
LAB_DPD=${S[cdpd]}
LAB_POOL=${S[pool]}
LAB_SELECTORS='$(selectors)'
LAB_EXPECT=${S[expect]}
LAB_PEER=${S[peer]}
LAB_GW4=$GW4
LAB_GWB4=$GWB4
LAB_GW6=$GW6
LAB_CL4=$C4
LAB_CL6=$C6
LAB_OWN4=$OWN4
LAB_INNER_GW4=$NET4.1
LAB_INNER4=$NET4.10
LAB_INNER_B4=$NETB4.10
LAB_INNER6=$NET6:10
LAB_GW_ID=$GW_ID
LAB_PSK=$PSK
LAB_USER=$USER_NAME
LAB_PASSWORD=$PASSWORD
LAB_GROUP=$GROUP
LAB_SIM_USER=$SIM_USER
LAB_SIM_TRIPLETS=$STATE/gw/run/ipsec.d/triplets.dat
LAB_AKA_USER=$AKA_USER
LAB_AKA_K=$AKA_K
LAB_AKA_OPC=$AKA_OPC
LAB_PPK_ID=$PPK_ID
LAB_PPK=$PPK
LAB_PKI=$PKI
LAB_CA=$PKI/ca.crt
LAB_CLIENT_CERT=$PKI/client-${S[ckey]}.crt
LAB_CLIENT_KEY=$PKI/client-${S[ckey]}.key
LAB_CLIENT_CHAIN=$(case ${S[ckey]} in chain | big) echo "$PKI/sub.crt" ;; esac)
LAB_SIGAUTH=${S[sigauth]}
LAB_PSS=${S[pss]}
LAB_GW_LOG=$STATE/gw/log
LAB_GW_VICI=$STATE/gw/vici
LAB_GW_KEYS=$STATE/gw/keys
ENV
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

move() { # the outside address seen by the gateway changes from .2 to .3, or back
    local ns=$NS_CL dev=lab0 old=$CL4 new=${CL4%.2}.3 gone
    [ ! -e "$STATE/nat" ] || ns=$NS_NAT dev=out0
    [ "$ns" != root ] || die "move works on namespaces only"
    if ip -n "$ns" -4 addr show dev "$dev" | grep -q "$new/"; then
        gone=$old old=$new new=$gone
    fi
    ip -n "$ns" addr add "$new/24" dev "$dev"
    ip -n "$ns" addr del "$old/24" dev "$dev"
    # deleting the last primary address takes the others and the routes with it
    ip -n "$ns" addr add "$new/24" dev "$dev" 2>/dev/null || true
    if [ "$ns" = "$NS_CL" ]; then
        ip -n "$ns" route replace default via "$GW4"
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
