// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace parsimony::core {

// Who can mend an error: the user (bad usage, configuration or data) or us (a bug).
enum class ErrorKind { kUser, kInternal };

// The one exception type of Parsimony. A message names the offending value, where it was found,
// what was expected and what to do. Outcomes of candidates are data (study/trial.h), never
// exceptions.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Throws a user error: `throw_user_error("{}: expected 8-bit depth, found {}", file, depth)`.
template <typename... Args>
[[noreturn]] void throw_user_error(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::kUser, fmt::format(format, std::forward<Args>(args)...));
}

// Throws an internal error: a broken promise between two pieces of our own code.
template <typename... Args>
[[noreturn]] void throw_internal_error(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::kInternal, fmt::format(format, std::forward<Args>(args)...));
}

// Checks a promise between two pieces of our own code.
template <typename... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) throw_internal_error(format, std::forward<Args>(args)...);
}

}  // namespace parsimony::core
