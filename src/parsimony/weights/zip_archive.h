// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/weights/byte_reader.h"
#include "parsimony/weights/memory_budget.h"

namespace parsimony::weights {

// A zip archive in memory: stored and deflated entries, zip64, checksums verified. Entries are
// found through the central directory only, as every zip reader does.
class ZipArchive {
 public:
  // `bytes` and `budget` must outlive the archive.
  ZipArchive(std::span<const std::uint8_t> bytes, std::string origin, MemoryBudget& budget);

  std::vector<std::string> names() const;
  bool contains(const std::string& name) const { return entries_.contains(name); }
  // The entry's content, valid as long as the archive; a user error when there is none.
  std::span<const std::uint8_t> read(const std::string& name);

 private:
  struct Entry {
    std::uint16_t method = 0;
    std::uint32_t checksum = 0;
    std::uint64_t packed_size = 0;
    std::uint64_t size = 0;
    std::uint64_t local_header = 0;
  };
  struct Directory {
    std::uint64_t offset = 0;
    std::uint64_t entries = 0;
  };

  Directory find_directory() const;
  void read_directory_entry(ByteReader& in);
  std::span<const std::uint8_t> packed_bytes(const Entry& entry) const;
  std::vector<std::uint8_t> inflate(const std::string& name,
                                    std::span<const std::uint8_t> packed,
                                    std::uint64_t size);

  std::span<const std::uint8_t> bytes_;
  std::string origin_;
  MemoryBudget& budget_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::span<const std::uint8_t>> contents_;  // entries read so far
  std::map<std::string, std::vector<std::uint8_t>> inflated_;
};

bool looks_like_zip(std::span<const std::uint8_t> bytes);

}  // namespace parsimony::weights
