// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "parsimony/core/error.h"

namespace parsimony::meter {

// A device's web address for tests: one connection at a time on 127.0.0.1; reads what is posted and
// answers what `handler` says about it.
class DeviceServer {
 public:
  struct Reply {
    std::string status = "200 OK";
    std::string body;
    bool hang = false;  // silence until the server's end
  };
  using Handler = std::function<Reply(const std::string& posted)>;

  explicit DeviceServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    core::require(::bind(listener_, plain, size) == 0 && ::listen(listener_, 16) == 0 &&
                      ::getsockname(listener_, plain, &size) == 0 && ::pipe(wake_) == 0,
                  "no test server");
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/measure";
    thread_ = std::thread([this] { serve(); });
  }
  ~DeviceServer() {
    ::close(wake_[1]);
    thread_.join();
    ::close(wake_[0]);
    ::close(listener_);
  }
  DeviceServer(const DeviceServer&) = delete;
  DeviceServer& operator=(const DeviceServer&) = delete;

  const std::string& url() const { return url_; }
  std::vector<std::string> posted() const {
    const std::lock_guard lock(mutex_);
    return posted_;
  }

 private:
  void serve() {
    while (true) {
      pollfd waits[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
      ::poll(waits, 2, -1);
      if (waits[1].revents != 0) return;
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      answer(connection);
      ::close(connection);
    }
  }

  void answer(int connection) {
    std::string text;
    std::size_t body = std::string::npos;
    std::size_t length = 0;
    char buffer[4096];
    while (body == std::string::npos || text.size() < body + length) {
      const ssize_t got = ::recv(connection, buffer, sizeof(buffer), 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<std::size_t>(got));
      const std::size_t end = text.find("\r\n\r\n");
      if (body != std::string::npos || end == std::string::npos) continue;
      body = end + 4;
      const std::size_t header = text.find("Content-Length: ");
      if (header < end) length = std::stoul(text.substr(header + 16));
    }
    {
      const std::lock_guard lock(mutex_);
      posted_.push_back(text.substr(body));
    }
    const Reply reply = handler_(text.substr(body));
    pollfd end{wake_[0], POLLIN, 0};
    if (reply.hang) {
      ::poll(&end, 1, -1);
      return;
    }
    const std::string answer =
        "HTTP/1.1 " + reply.status +
        "\r\nConnection: close\r\nContent-Length: " + std::to_string(reply.body.size()) +
        "\r\n\r\n" + reply.body;
    ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  Handler handler_;
  int listener_ = -1;
  std::string url_;
  mutable std::mutex mutex_;
  std::vector<std::string> posted_;
  int wake_[2] = {-1, -1};  // a pipe whose closing ends the server
  std::thread thread_;
};

}  // namespace parsimony::meter
