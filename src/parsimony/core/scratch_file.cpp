// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/scratch_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::core {

ScratchFile::ScratchFile(const std::filesystem::path& folder, std::size_t bytes) : size_(bytes) {
  require(bytes > 0, "a scratch file of no bytes was asked for");
  std::filesystem::create_directories(folder);
  std::string name = (folder / "scratch-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  int error = file < 0 ? errno : 0;
  if (error == 0) {
    ::unlink(name.c_str());
    error = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
  }
  if (error == 0) {
    data_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (data_ == MAP_FAILED) error = errno;
  }
  if (file >= 0) ::close(file);
  if (error != 0) {
    throw_user_error("'{}': no file of {} can be made there ({})",
                     folder.string(),
                     human_bytes(static_cast<double>(bytes)),
                     std::strerror(error));
  }
}

ScratchFile::~ScratchFile() {
  ::munmap(data_, size_);
}

}  // namespace parsimony::core
