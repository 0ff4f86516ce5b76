// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "parsimony/core/error.h"

namespace parsimony::weights {

FileLock::FileLock(std::filesystem::path file, int fd) : file_(std::move(file)), fd_(fd) {}

std::unique_ptr<FileLock> FileLock::try_acquire(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0)
    core::throw_user_error("{}: cannot be created: {}", file.string(), std::strerror(errno));
  std::unique_ptr<FileLock> lock(new FileLock(file, fd));
  struct stat held {};
  struct stat named {};
  const bool taken = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  // The last holder removes the file, perhaps between our open and our lock: then what we hold is
  // no longer what others find under the name.
  const bool current = taken && ::fstat(fd, &held) == 0 && ::stat(file.c_str(), &named) == 0 &&
                       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
  if (current) return lock;
  lock->file_.clear();
  return nullptr;
}

FileLock::~FileLock() {
  // Removed while still held, so that nobody can hold the name's next file at the same time.
  if (!file_.empty()) ::unlink(file_.c_str());
  ::close(fd_);
}

}  // namespace parsimony::weights
