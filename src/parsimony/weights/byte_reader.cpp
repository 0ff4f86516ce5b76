// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/byte_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "parsimony/core/error.h"

namespace parsimony::weights {

ByteReader::ByteReader(std::span<const std::uint8_t> bytes, std::string origin)
    : bytes_(bytes), origin_(std::move(origin)) {}

void ByteReader::seek(std::uint64_t position) {
  if (position > bytes_.size()) {
    core::throw_user_error(
        "{}: points at byte {}, but holds {}; it is cut short or damaged, get it again.",
        origin_,
        position,
        bytes_.size());
  }
  position_ = static_cast<std::size_t>(position);
}

std::span<const std::uint8_t> ByteReader::take(std::uint64_t count) {
  if (count > remaining()) {
    core::throw_user_error(
        "{}: expected {} bytes at byte {}, found {}; it is cut short or damaged, get it again.",
        origin_,
        count,
        position_,
        remaining());
  }
  const auto taken = bytes_.subspan(position_, static_cast<std::size_t>(count));
  position_ += taken.size();
  return taken;
}

std::string_view ByteReader::take_text(std::uint64_t count) {
  const auto taken = take(count);
  return {reinterpret_cast<const char*>(taken.data()), taken.size()};
}

std::string_view ByteReader::take_line() {
  const auto rest = bytes_.subspan(position_);
  const auto newline = std::find(rest.begin(), rest.end(), '\n');
  // A missing newline asks for one byte too many, which take_text reports.
  const auto length = static_cast<std::uint64_t>(newline - rest.begin());
  std::string_view line = take_text(length + 1);
  line.remove_suffix(1);
  return line;
}

template <typename Number>
Number ByteReader::number() {
  Number value = 0;
  std::memcpy(&value, take(sizeof(Number)).data(), sizeof(Number));
  return value;
}

std::uint8_t ByteReader::u8() {
  return number<std::uint8_t>();
}
std::uint16_t ByteReader::u16() {
  return number<std::uint16_t>();
}
std::uint32_t ByteReader::u32() {
  return number<std::uint32_t>();
}
std::uint64_t ByteReader::u64() {
  return number<std::uint64_t>();
}

}  // namespace parsimony::weights
