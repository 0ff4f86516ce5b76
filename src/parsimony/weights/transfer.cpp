// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/transfer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "parsimony/core/curl_handle.h"
#include "parsimony/core/text.h"

namespace parsimony::weights {
namespace {

constexpr long kMaxRedirects = 10;
constexpr long kConnectSeconds = 20;
constexpr long kOk = 200;
constexpr long kPartialContent = 206;
constexpr long kRangeNotSatisfiable = 416;

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return out;
}

// The headers that matter of the last response (each redirect has its own).
struct Response {
  long status = 0;
  std::string etag;
  std::string last_modified;
  std::optional<std::int64_t> length;
  std::optional<std::int64_t> range_begin;
  std::optional<std::int64_t> range_total;

  void read_line(std::string_view line) {
    line = core::trim(line);
    if (line.starts_with("HTTP/")) {
      *this = {};
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos) return;
      status = static_cast<long>(parse_number(line.substr(space + 1, 3)).value_or(0));
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name = lower_case(line.substr(0, colon));
    const std::string_view value = core::trim(line.substr(colon + 1));
    if (name == "etag") etag = value;
    if (name == "last-modified") last_modified = value;
    if (name == "content-length") length = parse_number(value);
    if (name == "content-range") read_range(value);
  }

  // "bytes 100-199/200" or "bytes */200"
  void read_range(std::string_view value) {
    const std::size_t slash = value.find('/');
    if (!value.starts_with("bytes ") || slash == std::string_view::npos) return;
    range_total = parse_number(value.substr(slash + 1));
    const std::string_view range = value.substr(6, slash - 6);
    range_begin = parse_number(range.substr(0, range.find('-')));
  }

  Validators validators() const {
    return {etag, last_modified, status == kOk ? length.value_or(0) : range_total.value_or(0)};
  }
};

class Transfer {
 public:
  Transfer(const TransferOptions& options, PartFile& part, const core::StopFlag& stop)
      : options_(options), part_(part), stop_(stop), offset_(part.size()) {}

  TransferResult run() {
    configure();
    const CURLcode code = curl_.perform();
    if (error_) std::rethrow_exception(error_);
    if (code == CURLE_ABORTED_BY_CALLBACK) return {TransferEnd::kStopped, "stopped"};
    if (code == CURLE_HTTP_RETURNED_ERROR && response_.status == kRangeNotSatisfiable) {
      return judge_unsatisfiable_range();
    }
    if (code == CURLE_OK && !body_begun_) begin_body();
    if (changed_) {
      part_.restart({});
      return {TransferEnd::kInterrupted, "the file on the server has changed"};
    }
    if (code == CURLE_OK) return {TransferEnd::kComplete, ""};
    const bool progress = part_.size() > offset_;
    return {progress ? TransferEnd::kInterrupted : TransferEnd::kFailed, curl_.reason(code)};
  }

 private:
  void configure() {
    const bool secure = lower_case(options_.url).starts_with("https:");
    curl_.set(CURLOPT_URL, options_.url.c_str());
    curl_.set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl_.set(CURLOPT_FOLLOWLOCATION, 1L);
    curl_.set(CURLOPT_MAXREDIRS, kMaxRedirects);
    curl_.set(CURLOPT_FAILONERROR, 1L);
    curl_.set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_.set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_.set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_seconds));
    curl_.set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_.set(CURLOPT_HEADERDATA, this);
    curl_.set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_.set(CURLOPT_WRITEDATA, this);
    curl_.set(CURLOPT_NOPROGRESS, 0L);
    curl_.set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    curl_.set(CURLOPT_XFERINFODATA, this);
    if (offset_ > 0) ask_for_rest();
  }

  void ask_for_rest() {
    range_ = std::to_string(offset_) + "-";
    curl_.set(CURLOPT_RANGE, range_.c_str());
    // With If-Range, a server whose file has changed sends the whole new one at once. Weak tags
    // ("W/...") are not allowed there.
    const Validators& known = part_.validators();
    const bool strong = !known.etag.empty() && !known.etag.starts_with("W/");
    const std::string& validator = strong ? known.etag : known.last_modified;
    if (validator.empty()) return;
    curl_.add_header("If-Range: " + validator);
  }

  // Decides, before the first byte is kept, whether it continues what we have.
  void begin_body() {
    body_begun_ = true;
    if (response_.status == kPartialContent) {
      changed_ = !continues();
    } else {
      offset_ = 0;
      part_.restart(response_.validators());
    }
  }

  bool continues() const {
    const Validators& known = part_.validators();
    const auto agree = [](const auto& a, const auto& b) {
      using Value = std::decay_t<decltype(a)>;
      return a == Value{} || b == Value{} || a == b;
    };
    const Validators now = response_.validators();
    return offset_ > 0 && response_.range_begin == offset_ && agree(known.etag, now.etag) &&
           agree(known.last_modified, now.last_modified) && agree(known.total, now.total);
  }

  // Nothing is missing, or the part is of another file.
  TransferResult judge_unsatisfiable_range() {
    if (response_.range_total == part_.size()) return {TransferEnd::kComplete, ""};
    part_.restart({});
    return {TransferEnd::kInterrupted, "the file on the server is shorter than what was there"};
  }

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<Transfer*>(self)->response_.read_line({data, size * count});
    return size * count;
  }

  // No exception may pass through libcurl: it is kept and thrown again in run().
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
      if (!transfer.body_begun_) transfer.begin_body();
      if (transfer.changed_) return 0;
      transfer.part_.append({reinterpret_cast<const std::uint8_t*>(data), size * count});
      return size * count;
    } catch (...) {
      transfer.error_ = std::current_exception();
      return 0;
    }
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.stop_.requested()) return 1;
    try {
      transfer.options_.progress(transfer.part_.size(), transfer.part_.validators().total);
      return 0;
    } catch (...) {
      transfer.error_ = std::current_exception();
      return 1;
    }
  }

  const TransferOptions& options_;
  PartFile& part_;
  const core::StopFlag& stop_;
  std::int64_t offset_;  // bytes present before this request
  core::CurlHandle curl_;
  std::string range_;
  Response response_;
  bool body_begun_ = false;
  bool changed_ = false;
  std::exception_ptr error_;
};

}  // namespace

TransferResult transfer(const TransferOptions& options,
                        PartFile& part,
                        const core::StopFlag& stop) {
  return Transfer(options, part, stop).run();
}

}  // namespace parsimony::weights
