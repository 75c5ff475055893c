# The datapath, apart from Node so that sanitizers and fuzzers can have it alone. Sets ESP_SOURCES, ESP_INCLUDES and
# ESP_LIBRARIES; the caller has found libcrypto (CRYPTO_STATIC, CRYPTO_INCLUDE).
set(ESP "${CMAKE_CURRENT_LIST_DIR}")
set(ESP_SOURCES
  "${ESP}/algorithms.cc" "${ESP}/libcrypto.cc" "${ESP}/libcrypto_mac.cc" "${ESP}/selectors.cc" "${ESP}/esp_sa.cc"
  "${ESP}/ip.cc" "${ESP}/mutable.cc" "${ESP}/ah.cc" "${ESP}/plan.cc" "${ESP}/path.cc" "${ESP}/tun.cc" "${ESP}/seal.cc" "${ESP}/protect.cc" "${ESP}/open.cc" "${ESP}/worker.cc"
  "${ESP}/checksum.cc" "${ESP}/segment.cc" "${ESP}/coalesce.cc" "${ESP}/outbox.cc" "${ESP}/outward.cc"
  "${ESP}/inward.cc" "${ESP}/engine.cc")
set(ESP_INCLUDES "${ESP}" "${ESP}/../../native/src" "${CRYPTO_INCLUDE}")
set(ESP_LIBRARIES "${CRYPTO_STATIC}")

# Intel's ipsec-mb where there is one: x86-64, and installed. libcrypto serves everything it does not.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  find_library(IPSEC_MB_STATIC NAMES libIPSec_MB.a)
  find_path(IPSEC_MB_INCLUDE intel-ipsec-mb.h)
endif()
if(IPSEC_MB_STATIC AND IPSEC_MB_INCLUDE)
  list(APPEND ESP_SOURCES "${ESP}/ipsec_mb.cc" "${ESP}/ipsec_mb_aead.cc" "${ESP}/ipsec_mb_lanes.cc"
       "${ESP}/ipsec_mb_mac.cc" "${ESP}/ipsec_mb_ah.cc")
  list(APPEND ESP_INCLUDES "${IPSEC_MB_INCLUDE}")
  list(PREPEND ESP_LIBRARIES "${IPSEC_MB_STATIC}")
else()
  list(APPEND ESP_SOURCES "${ESP}/no_ipsec_mb.cc")
endif()
