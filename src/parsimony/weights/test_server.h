// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace parsimony::weights {

// An HTTP server for tests: answers one connection at a time on 127.0.0.1 with what `handler` says.
class TestServer {
 public:
  struct Request {
    std::string path;
    std::map<std::string, std::string> headers;  // names in lower case
  };
  struct Reply {
    std::string head;  // "200 OK\r\nETag: \"1\""; Content-Length is added unless it is there
    std::string body;
    std::size_t cut = std::string::npos;  // bytes of the body to send before closing
    int hang_seconds = 0;                 // silence before closing, ended early by the server's end
  };
  using Handler = std::function<Reply(const Request&)>;

  explicit TestServer(Handler handler);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string url(const std::string& path) const;
  std::vector<Request> requests() const;

 private:
  void serve();
  void answer(int connection);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  int wake_[2] = {-1, -1};  // a pipe whose closing ends the server
  std::thread thread_;
};

// A port of 127.0.0.1 on which nothing listens.
int unused_port();

}  // namespace parsimony::weights
