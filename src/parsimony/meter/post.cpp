// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/post.h"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"

namespace parsimony::meter {
namespace {

constexpr std::size_t kMaxAnswer = 1 << 20;
constexpr long kMaxConnectMilliseconds = 10'000;

void set_up_curl_once() {
  static const CURLcode kCode = curl_global_init(CURL_GLOBAL_DEFAULT);
  core::require(kCode == CURLE_OK, "libcurl cannot be set up: {}", curl_easy_strerror(kCode));
}

class Post {
 public:
  Post() : curl_(curl_easy_init(), curl_easy_cleanup) {
    core::require(curl_ != nullptr, "libcurl cannot be set up");
  }

  PostResult run(const std::string& url,
                 const std::vector<std::uint8_t>& bytes,
                 double timeout_seconds,
                 const core::StopFlag& stop) {
    const long milliseconds = std::max(1L, static_cast<long>(timeout_seconds * 1e3));
    // A device's small server rarely knows "Expect: 100-continue", which curl would wait for.
    headers_.reset(curl_slist_append(
        curl_slist_append(nullptr, "Content-Type: application/octet-stream"), "Expect:"));
    core::require(headers_ != nullptr, "libcurl has no memory for a header");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(bytes.data()));
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "parsimony");
    set(CURLOPT_CONNECTTIMEOUT_MS, std::min(milliseconds, kMaxConnectMilliseconds));
    set(CURLOPT_TIMEOUT_MS, milliseconds);
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_WRITEFUNCTION, &Post::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Post::on_progress);
    set(CURLOPT_XFERINFODATA, &stop);
    const CURLcode code = curl_easy_perform(curl_.get());
    PostResult result;
    if (code == CURLE_ABORTED_BY_CALLBACK) {
      result.end = PostResult::End::kStopped;
    } else if (code != CURLE_OK) {
      result.reason =
          too_long_ ? "it answers with more than a megabyte"
                    : std::string(message_[0] != '\0' ? message_.data() : curl_easy_strerror(code));
    } else {
      result.end = PostResult::End::kAnswered;
      curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &result.status);
      result.body = std::move(body_);
    }
    return result;
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
    core::require(code == CURLE_OK,
                  "libcurl option {}: {}",
                  static_cast<int>(option),
                  curl_easy_strerror(code));
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& post = *static_cast<Post*>(self);
    post.too_long_ = post.body_.size() + size * count > kMaxAnswer;
    if (post.too_long_) return 0;
    post.body_.append(data, size * count);
    return size * count;
  }

  // Called about once a second, also while nothing comes.
  static int on_progress(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const core::StopFlag*>(stop)->requested() ? 1 : 0;
  }

  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr,
                                                                       curl_slist_free_all};
  std::array<char, CURL_ERROR_SIZE> message_{};
  std::string body_;
  bool too_long_ = false;
};

}  // namespace

PostResult post_file(const std::string& url,
                     const std::filesystem::path& file,
                     double timeout_seconds,
                     const core::StopFlag& stop) {
  set_up_curl_once();
  return Post().run(url, core::read_binary_file(file), timeout_seconds, stop);
}

}  // namespace parsimony::meter
