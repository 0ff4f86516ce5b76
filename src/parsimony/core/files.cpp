// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "parsimony/core/error.h"

namespace parsimony::core {
namespace {

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

[[noreturn]] void throw_system_error(const std::filesystem::path& file, std::string_view what) {
  throw_user_error("{}: {}: {}", file.string(), what, std::strerror(errno));
}

template <typename Container>
Container read_file(const std::filesystem::path& file) {
  std::error_code unknown;  // what is wrong then, opening says
  if (std::filesystem::is_directory(file, unknown))
    throw_user_error("{}: is a folder, expected a file", file.string());
  std::ifstream in(file, std::ios::binary);
  if (!in) throw_system_error(file, "cannot be opened");
  // To the end, in parts: a pipe does not know its size.
  Container content;
  std::vector<char> part(1 << 16);
  while (in) {
    in.read(part.data(), static_cast<std::streamsize>(part.size()));
    content.insert(content.end(), part.begin(), part.begin() + in.gcount());
  }
  if (in.bad()) throw_system_error(file, "cannot be read");
  return content;
}

void create_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw_user_error("{}: the folder cannot be created: {}", folder.string(), error.message());
}

// Throws for the failure that errno names, with the unfinished file gone.
[[noreturn]] void give_up(const std::filesystem::path& draft,
                          const std::filesystem::path& file,
                          std::string_view what) {
  const int reason = errno;
  ::unlink(draft.c_str());
  errno = reason;
  throw_system_error(file, what);
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void update(std::span<const std::uint8_t> bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string read_text_file(const std::filesystem::path& file) {
  return read_file<std::string>(file);
}

std::vector<std::uint8_t> read_binary_file(const std::filesystem::path& file) {
  return read_file<std::vector<std::uint8_t>>(file);
}

void write_file_atomic(const std::filesystem::path& file, std::string_view content) {
  write_file_atomic(file, as_bytes(content));
}

void write_file_atomic(const std::filesystem::path& file, std::span<const std::uint8_t> content) {
  if (file.has_parent_path()) create_folder(file.parent_path());
  const std::filesystem::path draft = file.string() + ".part" + std::to_string(::getpid());
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) throw_system_error(draft, "cannot be created");
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t n = ::write(fd, content.data() + written, content.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int reason = errno;
      ::close(fd);
      errno = reason;
      give_up(draft, file, "cannot be written");
    }
    written += static_cast<std::size_t>(n);
  }
  const bool synced = ::fsync(fd) == 0;
  if (::close(fd) != 0 || !synced) give_up(draft, file, "cannot be written");
  if (::rename(draft.c_str(), file.c_str()) != 0) give_up(draft, file, "cannot be replaced");
}

std::string sha256(std::span<const std::uint8_t> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string sha256(std::string_view text) {
  return sha256(as_bytes(text));
}

std::string sha256_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw_system_error(file, "cannot be opened");
  Sha256 hash;
  std::vector<std::uint8_t> buffer(1 << 20);
  while (in) {
    in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
    hash.update({buffer.data(), static_cast<std::size_t>(in.gcount())});
  }
  if (in.bad()) throw_system_error(file, "cannot be read");
  return hash.finish();
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "parsimony-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_system_error(name, "cannot be created");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace parsimony::core
