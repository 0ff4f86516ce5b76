// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

#include "parsimony/core/error.h"

namespace parsimony::core {

// One HTTP(S) request of libcurl: what all of ours have in common. Proxies are taken from the
// environment, as curl does.
class CurlHandle {
 public:
  CurlHandle() : handle_((set_up_once(), curl_easy_init()), curl_easy_cleanup) {
    require(handle_ != nullptr, "libcurl cannot be set up");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "parsimony");
    set(CURLOPT_ERRORBUFFER, message_.data());
  }
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    require(code == CURLE_OK,
            "libcurl option {}: {}",
            static_cast<int>(option),
            curl_easy_strerror(code));
  }

  // An additional header; "Name:" takes away one that curl would send.
  void add_header(const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    require(longer != nullptr, "libcurl has no memory for a header");
    static_cast<void>(headers_.release());  // it is part of the longer list
    headers_.reset(longer);
    set(CURLOPT_HTTPHEADER, headers_.get());
  }

  CURLcode perform() { return curl_easy_perform(handle_.get()); }

  // What went wrong, in curl's words.
  std::string reason(CURLcode code) const {
    return message_[0] != '\0' ? message_.data() : curl_easy_strerror(code);
  }

  long status() const {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

 private:
  static void set_up_once() {
    static const CURLcode kCode = curl_global_init(CURL_GLOBAL_DEFAULT);
    require(kCode == CURLE_OK, "libcurl cannot be set up: {}", curl_easy_strerror(kCode));
  }

  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr,
                                                                       curl_slist_free_all};
  std::array<char, CURL_ERROR_SIZE> message_{};
};

}  // namespace parsimony::core
