// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/cache.h"

#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/weights/known_files.h"

namespace parsimony::weights {
namespace {

std::filesystem::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_known_url(std::string_view url) {
  for (const KnownFile& file : known_files()) {
    if (file.url == url) return true;
  }
  return false;
}

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

std::filesystem::path cache_folder() {
  const std::filesystem::path own = environment_path("PARSIMONY_CACHE");
  if (!own.empty()) return own;
  // The XDG base directory specification asks to ignore relative paths.
  const std::filesystem::path shared = environment_path("XDG_CACHE_HOME");
  if (shared.is_absolute()) return shared / "parsimony";
  const std::filesystem::path home = environment_path("HOME");
  if (!home.empty()) return home / ".cache" / "parsimony";
  core::throw_user_error(
      "there is no folder to keep downloads in: set PARSIMONY_CACHE to one (XDG_CACHE_HOME and "
      "HOME "
      "are not set either).");
}

std::filesystem::path cache_path(std::string_view url) {
  const std::filesystem::path folder = cache_folder() / "weights";
  const std::string name = file_name_of(url);
  if (is_known_url(url)) return folder / name;
  // Different places serve different files under one name ("model.pth").
  constexpr std::size_t kDigits = 8;
  return folder / (core::sha256(url).substr(0, kDigits) + "-" + name);
}

std::optional<std::filesystem::path> find_cached(std::string_view name) {
  const KnownFile* known = find_known_file(name);
  if (known == nullptr) return std::nullopt;
  const std::filesystem::path path = cache_path(known->url);
  return is_file(path) ? std::optional(path) : std::nullopt;
}

std::filesystem::path resolve(std::string_view text) {
  const std::filesystem::path path(text);
  if (is_file(path)) return path;
  if (const KnownFile* known = find_known_file(text)) {
    if (const auto cached = find_cached(text)) return *cached;
    core::throw_user_error(
        "weights '{}' are not here yet, expected them at {}; run 'parsimony weights fetch {}'.",
        text,
        cache_path(known->url).string(),
        text);
  }
  std::vector<std::string> names;
  for (const KnownFile& file : known_files()) names.emplace_back(file.name);
  core::throw_user_error("weights '{}': expected an existing file or one of {}{}",
                         text,
                         core::join(names, ", "),
                         core::did_you_mean(text, names));
}

}  // namespace parsimony::weights
