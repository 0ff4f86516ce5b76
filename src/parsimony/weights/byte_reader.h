// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace parsimony::weights {

// A cursor over bytes that may be anything: each step is checked, and one past the end is a user
// error that names `origin` (the file). Numbers are little-endian.
class ByteReader {
 public:
  ByteReader(std::span<const std::uint8_t> bytes, std::string origin);

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }
  const std::string& origin() const { return origin_; }
  void seek(std::uint64_t position);

  std::span<const std::uint8_t> take(std::uint64_t count);
  std::string_view take_text(std::uint64_t count);
  // Up to the next newline, which is consumed and not returned.
  std::string_view take_line();

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();

 private:
  template <typename Number>
  Number number();

  std::span<const std::uint8_t> bytes_;
  std::string origin_;
  std::size_t position_ = 0;
};

}  // namespace parsimony::weights
