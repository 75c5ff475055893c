# shellcheck shell=bash
# What charon of both sides is told: strongswan.conf, swanctl.conf, and the settings for the client under test. Sourced by lib.sh.

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
LAB_CLIENT_PASSWORD=${S[cpassword]}
LAB_PHASE2=${S[phase2]}
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
LAB_CLIENT_PASSWORD=${S[cpassword]}
LAB_GROUP=$GROUP
LAB_SIM_USER=$SIM_USER
LAB_SIM_TRIPLETS=$STATE/gw/run/ipsec.d/triplets.dat
LAB_AKA_USER=$AKA_USER
LAB_AKA_K=$AKA_K
LAB_AKA_OPC=$AKA_OPC
LAB_CHILDLESS=${S[childless]}
LAB_PPK_ID=$PPK_ID
LAB_PPK=$PPK
LAB_CLIENT_PPK=$([ "${S[ppk]}" = no ] || echo "${S[cppk]}")
LAB_PKI=$PKI
LAB_CA=$PKI/ca.crt
LAB_CLIENT_CERT=$PKI/client-${S[ckey]}.crt
LAB_CLIENT_KEY=$PKI/client-${S[ckey]}.key
LAB_CLIENT_CHAIN=$(case ${S[ckey]} in chain | big) echo "$PKI/sub.crt" ;; esac)
LAB_SIGAUTH=${S[sigauth]}
LAB_PSS=${S[pss]}
LAB_RAWESP=${S[rawesp]}
LAB_GW_LOG=$STATE/gw/log
LAB_GW_VICI=$STATE/gw/vici
LAB_GW_KEYS=$STATE/gw/keys
ENV
}
