// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/state.h"

#include <bit>
#include <cstring>

#include "parsimony/core/files.h"

namespace parsimony::search {
namespace {

static_assert(std::endian::native == std::endian::little, "states are little-endian files");

constexpr std::string_view kHeader = "parsimony search state 1\n";
constexpr std::size_t kDigestLength = 64;

// Equal for spaces whose tokens mean the same to a controller.
std::string signature(const space::SearchSpace& space) {
  std::string text = fmt::format("{} {}", space.name(), space.warm_up_steps());
  for (const space::Decision& decision : space.decisions()) {
    text += fmt::format("\n{} {} {}", decision.name, decision.head, decision.choices);
  }
  return fmt::format("{} ({} decisions, {})",
                     space.name(),
                     space.decisions().size(),
                     core::sha256(text).substr(0, 16));
}

}  // namespace

StateWriter::StateWriter(std::string_view method, const space::SearchSpace& space) {
  text(method);
  text(signature(space));
}

void StateWriter::integer(std::int64_t value) {
  payload_.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void StateWriter::real(double value) {
  integer(std::bit_cast<std::int64_t>(value));
}

void StateWriter::optional_real(const std::optional<double>& value) {
  integer(value.has_value());
  real(value.value_or(0));
}

void StateWriter::text(std::string_view value) {
  integer(static_cast<std::int64_t>(value.size()));
  payload_ += value;
}

void StateWriter::floats(std::span<const float> values) {
  text({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void StateWriter::tokens(const space::Tokens& tokens) {
  for (const int token : tokens) integer(token);
}

std::string StateWriter::finish() && {
  std::string state(kHeader);
  state += core::sha256(payload_);
  state += payload_;
  return state;
}

StateReader::StateReader(std::string_view state,
                         std::string_view method,
                         const space::SearchSpace& space)
    : space_(space) {
  if (!state.starts_with(kHeader)) {
    core::throw_user_error(
        "search state: expected '{}' at its start, found '{}'; it is damaged or was saved by "
        "another "
        "version",
        kHeader.substr(0, kHeader.size() - 1),
        state.substr(0, state.find('\n')).substr(0, kHeader.size()));
  }
  rest_ = state.substr(kHeader.size());
  const std::string_view digest = take(kDigestLength);
  if (digest != core::sha256(rest_)) {
    core::throw_user_error("search state: its {} bytes do not match their checksum; it is damaged",
                           state.size());
  }
  if (const std::string saved_by = text(); saved_by != method) {
    core::throw_user_error(
        "search state: saved by method '{}', this search is '{}'", saved_by, method);
  }
  if (const std::string saved_for = text(); saved_for != signature(space)) {
    core::throw_user_error(
        "search state: saved for space {}, this search is over {}", saved_for, signature(space));
  }
}

std::string_view StateReader::take(std::size_t bytes) {
  if (bytes > rest_.size()) {
    core::throw_user_error(
        "search state: expected {} more bytes, found {}; it is truncated", bytes, rest_.size());
  }
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

std::int64_t StateReader::integer() {
  std::int64_t value = 0;
  std::memcpy(&value, take(sizeof value).data(), sizeof value);
  return value;
}

void StateReader::expect(std::int64_t expected, std::string_view what) {
  if (const std::int64_t found = integer(); found != expected) {
    core::throw_user_error(
        "search state: saved with {} {}, this search is set to {}", what, found, expected);
  }
}

double StateReader::real() {
  return std::bit_cast<double>(integer());
}

std::optional<double> StateReader::optional_real() {
  const bool present = integer() != 0;
  const double value = real();
  return present ? std::optional(value) : std::nullopt;
}

std::string StateReader::text() {
  const std::int64_t length = integer();
  return std::string(take(static_cast<std::size_t>(length)));
}

void StateReader::floats(std::span<float> values) {
  expect(static_cast<std::int64_t>(values.size_bytes()), "bytes of numbers");
  std::memcpy(values.data(), take(values.size_bytes()).data(), values.size_bytes());
}

space::Tokens StateReader::tokens() {
  space::Tokens tokens;
  for (const space::Decision& decision : space_.decisions()) {
    const std::int64_t token = integer();
    if (token < 0 || token >= decision.choices) {
      core::throw_user_error("search state: token {} of decision {} is outside [0, {})",
                             token,
                             decision.name,
                             decision.choices);
    }
    tokens.push_back(static_cast<int>(token));
  }
  return tokens;
}

void StateReader::finish() const {
  if (!rest_.empty()) {
    core::throw_user_error("search state: {} bytes after its end", rest_.size());
  }
}

}  // namespace parsimony::search
