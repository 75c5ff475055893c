// Reads a capture file (pcap or pcapng) from standard input with libpcap and writes its frames to standard output,
// each with a header of 24 octets, little-endian: link type (4), octets that follow (4), octets on the wire (4),
// zero (4), nanoseconds since 1970 (8). A process of its own: a file that breaks the parser breaks nothing else.
// Ends with 0; with 2 and a sentence on standard error when the file is no capture, with 3 when it breaks off.
#include <pcap/pcap.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

// Whatever the file says, no frame is larger than what a link can carry.
constexpr std::uint32_t kLargestFrame = 262'144;

void put32(unsigned char* at, std::uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<unsigned char>(value >> (8 * i));
}

bool writeFrame(std::uint32_t link, const pcap_pkthdr& header, const unsigned char* octets) {
  const std::uint32_t length = header.caplen < kLargestFrame ? header.caplen : kLargestFrame;
  const auto ns = static_cast<std::uint64_t>(header.ts.tv_sec) * 1'000'000'000 +
                  static_cast<std::uint64_t>(header.ts.tv_usec);
  unsigned char head[24] = {};
  put32(head, link);
  put32(head + 4, length);
  put32(head + 8, header.len);
  put32(head + 16, static_cast<std::uint32_t>(ns));
  put32(head + 20, static_cast<std::uint32_t>(ns >> 32));
  return std::fwrite(head, 1, sizeof head, stdout) == sizeof head &&
         std::fwrite(octets, 1, length, stdout) == length;
}

}  // namespace

int main() {
  char problem[PCAP_ERRBUF_SIZE] = {};
  pcap_t* capture = pcap_fopen_offline_with_tstamp_precision(stdin, PCAP_TSTAMP_PRECISION_NANO, problem);
  if (capture == nullptr) {
    std::fprintf(stderr, "%s", problem);
    return 2;
  }
  const auto link = static_cast<std::uint32_t>(pcap_datalink(capture));
  pcap_pkthdr* header = nullptr;
  const unsigned char* octets = nullptr;
  for (;;) {
    const int result = pcap_next_ex(capture, &header, &octets);
    if (result == 1) {
      // Nobody reads any more: not worth a word.
      if (!writeFrame(link, *header, octets)) return 0;
      continue;
    }
    std::fflush(stdout);
    if (result == PCAP_ERROR) {
      std::fprintf(stderr, "%s", pcap_geterr(capture));
      return 3;
    }
    return 0;
  }
}
