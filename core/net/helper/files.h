// Small files, read and written whole.
#pragma once
#include <optional>
#include <string>

namespace culvert {

std::optional<std::string> readFile(const std::string& path);
// Atomic and fsynced; in place where the file is a mount point of its own (containers, `ip netns exec`).
// An existing file keeps its mode and owner; a new one gets `mode`.
void replaceFile(const std::string& path, const std::string& text, unsigned mode);
// A single write, for /proc/sys; returns errno or 0.
int writeSetting(const std::string& path, const std::string& text);
// Follows links to the file that would be written, which need not exist.
std::string linkTarget(const std::string& path);

}  // namespace culvert
