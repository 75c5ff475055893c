#include "path.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace culvert::esp {
namespace {

bool accepts(int fd, int option, int value) noexcept {
  return setsockopt(fd, IPPROTO_UDP, option, &value, sizeof value) == 0;
}

}  // namespace

// 0: no segmentation unless a message asks for it.
Path::Path(uint32_t id, int fd, bool marked)
    : id(id),
      fd(fd),
      marked(marked),
      largestSegment_(marked && accepts(fd, UDP_SEGMENT, 0) ? 65535 : 0),
      gathers_(marked && accepts(fd, UDP_GRO, 1)) {}

Path::~Path() { close(fd); }

}  // namespace culvert::esp
