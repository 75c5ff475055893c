# shellcheck shell=bash
# The network of a scenario: namespaces, links, the NAT, resolv.conf. Sourced by lib.sh.

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
