// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parsimony::core {

// All of these throw a user error that names the file and the system's reason.
std::string read_text_file(const std::filesystem::path& file);
std::vector<std::uint8_t> read_binary_file(const std::filesystem::path& file);

// Writes a sibling file, syncs it and renames it over `file`: after a crash the file holds either
// the old or the new content, never a part. Creates the folder if needed.
void write_file_atomic(const std::filesystem::path& file, std::string_view content);
void write_file_atomic(const std::filesystem::path& file, std::span<const std::uint8_t> content);

// SHA-256 as 64 lower-case hexadecimal digits.
std::string sha256(std::span<const std::uint8_t> bytes);
std::string sha256(std::string_view text);
std::string sha256_of_file(const std::filesystem::path& file);

// A folder of this process that is removed with the object; for tests and scratch files.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace parsimony::core
