// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <tuple>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/weights/test_server.h"

namespace parsimony::weights {
namespace {

sockaddr_in local_address() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A socket bound to a free port, and that port.
std::pair<int, int> bind_free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = local_address();
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  core::require(fd >= 0 && ::bind(fd, plain, size) == 0 && ::getsockname(fd, plain, &size) == 0,
                "no free port for a test server");
  return {fd, ntohs(address.sin_port)};
}

void send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

TestServer::Request parse_request(const std::string& text) {
  TestServer::Request request;
  const std::vector<std::string> lines = core::split(text, '\n');
  const std::vector<std::string> words = core::split(lines.front(), ' ');
  if (words.size() > 1) request.path = words[1];
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return static_cast<char>(std::tolower(c));
    });
    request.headers[name] = core::trim(std::string_view(line).substr(colon + 1));
  }
  return request;
}

}  // namespace

TestServer::TestServer(Handler handler) : handler_(std::move(handler)) {
  std::tie(listener_, port_) = bind_free_port();
  core::require(::listen(listener_, 16) == 0 && ::pipe(wake_) == 0, "no test server");
  thread_ = std::thread([this] { serve(); });
}

TestServer::~TestServer() {
  ::close(wake_[1]);
  thread_.join();
  ::close(wake_[0]);
  ::close(listener_);
}

std::string TestServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

std::vector<TestServer::Request> TestServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void TestServer::serve() {
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

void TestServer::answer(int connection) {
  std::string text;
  char buffer[4096];
  while (text.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(connection, buffer, sizeof(buffer), 0);
    if (got <= 0) return;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  const Request request = parse_request(text);
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  const Reply reply = handler_(request);
  std::string head = "HTTP/1.1 " + reply.head + "\r\nConnection: close\r\n";
  if (reply.head.find("Content-Length") == std::string::npos) {
    head += fmt::format("Content-Length: {}\r\n", reply.body.size());
  }
  send_all(connection, head + "\r\n" + reply.body.substr(0, reply.cut));
  pollfd end{wake_[0], POLLIN, 0};
  if (reply.hang_seconds > 0) ::poll(&end, 1, reply.hang_seconds * 1000);
}

int unused_port() {
  const auto [fd, port] = bind_free_port();
  ::close(fd);
  return port;
}

}  // namespace parsimony::weights
