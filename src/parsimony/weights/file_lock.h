// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

namespace parsimony::weights {

// A file that at most one thread of one process on this machine holds; it disappears with its
// owner, also when that is killed (the system's lock goes; the file itself is taken over by the
// next).
class FileLock {
 public:
  // nullptr while someone else holds it; a user error when the file cannot be made.
  static std::unique_ptr<FileLock> try_acquire(const std::filesystem::path& file);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  FileLock(std::filesystem::path file, int fd);

  std::filesystem::path file_;
  int fd_;
};

}  // namespace parsimony::weights
