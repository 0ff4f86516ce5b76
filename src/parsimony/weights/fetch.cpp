// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/fetch.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/weights/cache.h"
#include "parsimony/weights/file_lock.h"
#include "parsimony/weights/known_files.h"
#include "parsimony/weights/part_file.h"
#include "parsimony/weights/transfer.h"

namespace parsimony::weights {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxAttempts = 5;
constexpr auto kLockPoll = std::chrono::milliseconds(100);
constexpr auto kProgressInterval = std::chrono::milliseconds(250);
constexpr std::size_t kMinDigits = 8;
constexpr std::size_t kMaxDigits = 64;

// A request with everything decided.
struct Target {
  std::string url;
  std::string sha256;  // lower case; empty: unknown
  std::filesystem::path file;
  int stall_seconds = 0;
};

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return text;
}

std::string read_digits(const std::string& text) {
  const std::string digits = lower_case(text);
  const bool hexadecimal = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  const bool fits = digits.size() >= kMinDigits && digits.size() <= kMaxDigits;
  if (!digits.empty() && !(hexadecimal && fits)) {
    core::throw_user_error("checksum '{}': expected {} to {} hexadecimal digits of a SHA-256.",
                           text,
                           kMinDigits,
                           kMaxDigits);
  }
  return digits;
}

Target find_target(const FetchRequest& request) {
  Target target;
  target.stall_seconds = request.stall_seconds;
  target.sha256 = read_digits(request.sha256);
  const std::string start = lower_case(request.source.substr(0, 8));
  if (const KnownFile* known = find_known_file(request.source)) {
    target.url = known->url;
    if (target.sha256.empty()) target.sha256 = known->sha256;
  } else if (start.starts_with("http://") || start.starts_with("https://")) {
    target.url = request.source;
  } else {
    std::vector<std::string> names;
    for (const KnownFile& file : known_files()) names.emplace_back(file.name);
    core::throw_user_error("'{}' cannot be fetched: expected an http(s) URL or one of {}{}",
                           request.source,
                           core::join(names, ", "),
                           core::did_you_mean(request.source, names));
  }
  target.file = request.destination.empty() ? cache_path(target.url) : request.destination;
  return target;
}

void create_folder_of(const std::filesystem::path& file) {
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  if (error) {
    core::throw_user_error(
        "{}: the folder cannot be created: {}", file.parent_path().string(), error.message());
  }
}

// nullptr: stopped while waiting.
std::unique_ptr<FileLock> wait_for_lock(const Target& target, const core::Context& context) {
  const std::filesystem::path file = target.file.string() + ".lock";
  bool said = false;
  while (!context.stop.requested()) {
    if (auto lock = FileLock::try_acquire(file)) return lock;
    if (!said) {
      context.log.line(
          core::LogLevel::kInfo,
          fmt::format("{} is being fetched by someone else, waiting", target.file.string()));
    }
    said = true;
    std::this_thread::sleep_for(kLockPoll);
  }
  return nullptr;
}

FetchResult describe(FetchOutcome outcome, const Target& target, std::string sha256) {
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(target.file));
  return {outcome, target.file, bytes, std::move(sha256), !target.sha256.empty()};
}

FetchResult stopped(const Target& target) {
  FetchResult result;
  result.file = target.file;
  return result;
}

std::optional<FetchResult> find_present(const Target& target) {
  std::error_code ignored;
  if (!std::filesystem::exists(target.file, ignored)) return std::nullopt;
  if (std::filesystem::is_directory(target.file, ignored)) {
    core::throw_user_error("{}: is a folder, expected the name of the file to write.",
                           target.file.string());
  }
  const std::string sha256 = core::sha256_of_file(target.file);
  if (!sha256.starts_with(target.sha256)) {
    core::throw_user_error(
        "{}: is there already, but its SHA-256 is {}, expected it to begin with {}; move or delete "
        "it, "
        "then fetch again.",
        target.file.string(),
        sha256,
        target.sha256);
  }
  return describe(FetchOutcome::kAlreadyThere, target, sha256);
}

class ProgressReport {
 public:
  ProgressReport(const Target& target, core::ProgressObserver& observer)
      : task_("fetching " + target.file.filename().string()), observer_(observer) {}

  // Observers want a few calls a second, curl makes thousands.
  void update(std::int64_t done, std::int64_t total) {
    const Clock::time_point now = Clock::now();
    if (last_ && now - *last_ < kProgressInterval) return;
    last_ = now;
    show(done, total);
  }

  void show(std::int64_t done, std::int64_t total) {
    std::string detail = core::human_bytes(static_cast<double>(done));
    if (total > 0) detail += " of " + core::human_bytes(static_cast<double>(total));
    observer_.advance({task_, static_cast<double>(done), static_cast<double>(total), detail});
  }

 private:
  std::string task_;
  core::ProgressObserver& observer_;
  std::optional<Clock::time_point> last_;
};

[[noreturn]] void throw_unreachable(const Target& target,
                                    const std::string& reason,
                                    std::int64_t kept) {
  const std::string sum =
      target.sha256.empty() ? "" : fmt::format(" (its SHA-256 begins with {})", target.sha256);
  const std::string rest = kept > 0 ? fmt::format(" ({} are kept, it will continue there)",
                                                  core::human_bytes(static_cast<double>(kept)))
                                    : "";
  core::throw_user_error(
      "{}: cannot be downloaded: {}. Look at the network and try again{}, or bring the file by "
      "other "
      "means and put it{} at {}.",
      target.url,
      reason,
      rest,
      sum,
      target.file.string());
}

// True when complete, false when stopped.
bool download(const Target& target, PartFile& part, const core::Context& context) {
  ProgressReport report(target, context.progress);
  const TransferOptions options{
      target.url, target.stall_seconds, [&](std::int64_t done, std::int64_t total) {
        report.update(done, total);
      }};
  TransferResult result;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    result = transfer(options, part, context.stop);
    if (result.end == TransferEnd::kStopped) return false;
    if (result.end == TransferEnd::kComplete) {
      report.show(part.size(), part.size());
      return true;
    }
    if (result.end == TransferEnd::kFailed) break;
    context.log.line(core::LogLevel::kInfo,
                     fmt::format("{}: {} after {}",
                                 target.url,
                                 result.reason,
                                 core::human_bytes(static_cast<double>(part.size()))));
  }
  const std::int64_t kept = part.size();
  if (kept == 0) part.remove();
  throw_unreachable(target, result.reason, kept);
}

bool is_web_page(const std::filesystem::path& file) {
  std::string start(512, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(in.gcount()));
  start = lower_case(std::string(core::trim(start)));
  return start.starts_with("<!doctype html") || start.starts_with("<html");
}

FetchResult accept(const Target& target, PartFile& part, const core::Context& context) {
  const std::string sha256 = core::sha256_of_file(part.path());
  if (!sha256.starts_with(target.sha256)) {
    part.remove();
    core::throw_user_error(
        "{}: the download has SHA-256 {}, expected it to begin with {}; it was deleted. Fetch it "
        "again; "
        "if the sum stays the same, the file behind the URL is not the one that was published.",
        target.url,
        sha256,
        target.sha256);
  }
  if (target.sha256.empty()) {
    if (is_web_page(part.path())) {
      part.remove();
      core::throw_user_error(
          "{}: brought a web page, expected weights; it was deleted. Open the URL in a browser and "
          "put "
          "the file at {}.",
          target.url,
          target.file.string());
    }
    context.log.line(
        core::LogLevel::kWarning,
        fmt::format("{}: no checksum is known, the file has SHA-256 {}", target.url, sha256));
  }
  part.move_to(target.file);
  return describe(FetchOutcome::kDownloaded, target, sha256);
}

}  // namespace

FetchResult fetch(const FetchRequest& request, core::Context& context) {
  const Target target = find_target(request);
  if (const auto present = find_present(target)) return *present;
  create_folder_of(target.file);
  const std::unique_ptr<FileLock> lock = wait_for_lock(target, context);
  if (lock == nullptr) return stopped(target);
  // Whoever held the lock before may have brought the file.
  if (const auto present = find_present(target)) return *present;
  PartFile part(target.file, target.url);
  if (!download(target, part, context)) return stopped(target);
  return accept(target, part, context);
}

}  // namespace parsimony::weights
