// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace parsimony::weights {

// What a server said of the file it sends, by which a later answer is recognised as the same file.
struct Validators {
  std::string etag;
  std::string last_modified;
  std::int64_t total = 0;  // bytes; 0: not said

  // Whether a download of this file may be continued: something must tell it from a changed one.
  bool usable() const { return !etag.empty() || !last_modified.empty() || total > 0; }
  bool operator==(const Validators&) const = default;
};

// A download that is not finished: DESTINATION.part with the bytes so far and DESTINATION.part.json
// with where they come from. Both survive a crash.
class PartFile {
 public:
  // Takes up what an earlier run left of the same URL, else begins anew.
  PartFile(const std::filesystem::path& destination, std::string url);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }
  const Validators& validators() const { return validators_; }

  void append(std::span<const std::uint8_t> bytes);
  void restart(const Validators& validators);  // forgets all bytes
  void move_to(const std::filesystem::path& destination);
  void remove();

 private:
  std::filesystem::path path_;
  std::filesystem::path notes_;
  std::string url_;
  Validators validators_;
  std::int64_t size_ = 0;
  int fd_ = -1;
};

}  // namespace parsimony::weights
