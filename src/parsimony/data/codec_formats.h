// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "parsimony/data/codec.h"

// The two file formats behind data/codec.h. Private to this module.
//
// libpng and libjpeg report errors by longjmp. Both adapters follow one rule that keeps this
// defined in C++: the jump starts in a callback, ends in `Session::run`, and passes only over
// frames of the C library and of a lambda without objects that have destructors. Everything that
// owns memory lives in the caller of `run`.
namespace parsimony::data {

using ByteSpan = std::span<const std::uint8_t>;

// Throws when a header asks for more than the limits of data/codec.h.
void check_dimensions(std::int64_t width, std::int64_t height, std::string_view file);

// Ends decoding with the error every damaged file gets.
[[noreturn]] void throw_damaged(std::string_view file,
                                std::string_view format,
                                std::string_view reason);

namespace png {
bool matches(ByteSpan bytes);
ImageSize size(ByteSpan bytes, std::string_view file);
Image decode(ByteSpan bytes, std::string_view file);
RawLabels decode_raw(ByteSpan bytes, std::string_view file);
std::vector<std::uint8_t> encode(const Image& image);
std::vector<std::uint8_t> encode(const LabelMap& labels, std::span<const Rgb> palette);
std::vector<std::uint8_t> encode_gray16(std::int64_t width,
                                        std::int64_t height,
                                        std::span<const std::uint16_t> values);
}  // namespace png

namespace jpeg {
bool matches(ByteSpan bytes);
ImageSize size(ByteSpan bytes, std::string_view file);
Image decode(ByteSpan bytes, std::string_view file);
std::vector<std::uint8_t> encode(const Image& image, int quality);
}  // namespace jpeg

}  // namespace parsimony::data
