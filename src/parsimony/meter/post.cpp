// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/post.h"

#include <vector>

#include "parsimony/core/curl_handle.h"
#include "parsimony/core/files.h"

namespace parsimony::meter {
namespace {

constexpr std::size_t kMaxAnswer = 1 << 20;
constexpr long kMaxConnectMilliseconds = 10'000;

class Post {
 public:
  PostResult run(const std::string& url,
                 const std::vector<std::uint8_t>& bytes,
                 double timeout_seconds,
                 const core::StopFlag& stop) {
    const long milliseconds = std::max(1L, static_cast<long>(timeout_seconds * 1e3));
    // A device's small server rarely knows "Expect: 100-continue", which curl would wait for.
    curl_.add_header("Content-Type: application/octet-stream");
    curl_.add_header("Expect:");
    curl_.set(CURLOPT_URL, url.c_str());
    curl_.set(CURLOPT_POST, 1L);
    curl_.set(CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(bytes.data()));
    curl_.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
    curl_.set(CURLOPT_CONNECTTIMEOUT_MS, std::min(milliseconds, kMaxConnectMilliseconds));
    curl_.set(CURLOPT_TIMEOUT_MS, milliseconds);
    curl_.set(CURLOPT_WRITEFUNCTION, &Post::on_body);
    curl_.set(CURLOPT_WRITEDATA, this);
    curl_.set(CURLOPT_NOPROGRESS, 0L);
    curl_.set(CURLOPT_XFERINFOFUNCTION, &Post::on_progress);
    curl_.set(CURLOPT_XFERINFODATA, &stop);
    const CURLcode code = curl_.perform();
    PostResult result;
    if (code == CURLE_ABORTED_BY_CALLBACK) {
      result.end = PostResult::End::kStopped;
    } else if (code != CURLE_OK) {
      result.reason = too_long_ ? "it answers with more than a megabyte" : curl_.reason(code);
    } else {
      result.end = PostResult::End::kAnswered;
      result.status = curl_.status();
      result.body = std::move(body_);
    }
    return result;
  }

 private:
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

  core::CurlHandle curl_;
  std::string body_;
  bool too_long_ = false;
};

}  // namespace

PostResult post_file(const std::string& url,
                     const std::filesystem::path& file,
                     double timeout_seconds,
                     const core::StopFlag& stop) {
  return Post().run(url, core::read_binary_file(file), timeout_seconds, stop);
}

}  // namespace parsimony::meter
