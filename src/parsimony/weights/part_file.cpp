// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"

namespace parsimony::weights {
namespace {

using Json = nlohmann::json;

[[noreturn]] void throw_system_error(const std::filesystem::path& file, std::string_view what) {
  core::throw_user_error("{}: {}: {}", file.string(), what, std::strerror(errno));
}

// Notes that cannot be read are as good as none: the download then begins anew.
std::optional<Validators> read_notes(const std::filesystem::path& file, const std::string& url) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
  const Json notes = Json::parse(core::read_text_file(file), nullptr, false);
  if (!notes.is_object()) return std::nullopt;
  try {
    if (notes.at("url").get<std::string>() != url) return std::nullopt;
    return Validators{notes.at("etag").get<std::string>(),
                      notes.at("last_modified").get<std::string>(),
                      notes.at("total").get<std::int64_t>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

PartFile::PartFile(const std::filesystem::path& destination, std::string url)
    : path_(destination.string() + ".part"),
      notes_(destination.string() + ".part.json"),
      url_(std::move(url)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw_system_error(path_, "cannot be created");
  struct stat status {};
  const std::optional<Validators> notes = read_notes(notes_, url_);
  if (notes && notes->usable() && ::fstat(fd_, &status) == 0) {
    validators_ = *notes;
    size_ = status.st_size;
  } else if (::ftruncate(fd_, 0) != 0) {
    throw_system_error(path_, "cannot be emptied");
  }
}

PartFile::~PartFile() {
  ::close(fd_);
}

void PartFile::append(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_system_error(path_, "cannot be written");
    size_ += written;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void PartFile::restart(const Validators& validators) {
  if (::ftruncate(fd_, 0) != 0) throw_system_error(path_, "cannot be emptied");
  size_ = 0;
  validators_ = validators;
  // Servers may send any bytes in a header; what is not UTF-8 is replaced and then never matches.
  core::write_file_atomic(notes_,
                          Json{{"url", url_},
                               {"etag", validators.etag},
                               {"last_modified", validators.last_modified},
                               {"total", validators.total}}
                              .dump(1, ' ', true, Json::error_handler_t::replace));
}

void PartFile::move_to(const std::filesystem::path& destination) {
  if (::fsync(fd_) != 0) throw_system_error(path_, "cannot be written");
  if (::rename(path_.c_str(), destination.c_str()) != 0) {
    throw_system_error(destination, "cannot be created");
  }
  ::unlink(notes_.c_str());
}

void PartFile::remove() {
  ::unlink(path_.c_str());
  ::unlink(notes_.c_str());
}

}  // namespace parsimony::weights
