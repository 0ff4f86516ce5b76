// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "parsimony/data/image.h"

namespace parsimony::data {

// Picture files in and out. JPEG (baseline and progressive; gray and colour) and PNG (every colour
// type, bit depth and interlacing) are read; which one a file is decides its content, not its name.
// EXIF rotation is ignored: label maps match the stored pixels.
//
// Anything unreadable (truncated, damaged, another format, CMYK, absurdly large) is a user error
// that names the file and what to do. All functions may be called from many threads.

// Largest picture accepted: far above any training picture, low enough that a damaged header cannot
// ask for all memory.
inline constexpr std::int64_t kMaxImageSide = 65500;
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 27;

struct ImageSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool operator==(const ImageSize&) const = default;
  auto operator<=>(const ImageSize&) const = default;
};

// What a PNG says of itself before any conversion: label maps live in these numbers, and the
// conversion to RGB that viewers do (palette expansion, stretching of low bit depths) destroys
// them.
struct RawLabels {
  enum class Kind {
    kPalette,  // indices into `palette`
    kGray,     // 1, 2, 4 or 8 bit, not stretched
    kGray16,
    kRgb,  // alpha, if any, is dropped; 16 bit are scaled to 8
  };
  Kind kind = Kind::kGray;
  int bit_depth = 8;  // as stored
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> values;  // one a pixel, three for kRgb, none for kGray16
  std::vector<std::uint16_t> wide;   // one a pixel for kGray16, else empty
  std::vector<Rgb> palette;          // kPalette only
};

Image read_image(const std::filesystem::path& file);
RawLabels read_raw_labels(const std::filesystem::path& file);  // PNG only: JPEG damages labels
ImageSize image_size(const std::filesystem::path& file);       // reads the header only

// The same from memory; `name` is what errors call the data.
Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name);
RawLabels decode_raw_labels(std::span<const std::uint8_t> bytes, std::string_view name);

// Quality is libjpeg's, 1 to 100.
std::vector<std::uint8_t> encode_png(const Image& image);
std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality);

// An indexed PNG whose pixel values are the class ids. Ids outside `palette` are legal (kIgnore
// usually is) and are shown in a pale colour.
std::vector<std::uint8_t> encode_label_png(const LabelMap& labels, std::span<const Rgb> palette);

// A gray PNG of 16 bit; `values` are its pixels, rows from the top.
std::vector<std::uint8_t> encode_gray16_png(std::int64_t width,
                                            std::int64_t height,
                                            std::span<const std::uint16_t> values);

// Replace the file in one step and create its folder if needed; not synced to the disk.
void write_png(const std::filesystem::path& file, const Image& image);
void write_jpeg(const std::filesystem::path& file, const Image& image, int quality);
void write_label_png(const std::filesystem::path& file,
                     const LabelMap& labels,
                     std::span<const Rgb> palette);
void write_gray16_png(const std::filesystem::path& file,
                      std::int64_t width,
                      std::int64_t height,
                      std::span<const std::uint16_t> values);

}  // namespace parsimony::data
