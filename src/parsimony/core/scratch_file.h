// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>

namespace parsimony::core {

// Memory that lies in a file: for what is larger than the machine's memory and read again and
// again. The system keeps in memory what is used. The file has no name, so that it disappears with
// the object and with a process that is killed.
class ScratchFile {
 public:
  // `bytes` zeros on the disk that holds `folder`, which is created if needed. The space is taken
  // at once: a full disk is a user error here, not a crash later.
  ScratchFile(const std::filesystem::path& folder, std::size_t bytes);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  void* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace parsimony::core
