// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <jpeglib.h>
#include <png.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/data/codec.h"
#include "parsimony/data/palette.h"

// Pictures, files and small trees that the tests of this module share.
namespace parsimony::data::testing {

using Bytes = std::vector<std::uint8_t>;

// Smooth colours with some noise: compresses like a photograph, and differs for every seed.
inline Image make_image(std::int64_t width, std::int64_t height, std::uint64_t seed = 1) {
  Image image(width, height);
  core::Rng rng(seed);
  const auto base = static_cast<std::uint8_t>(rng.below(100));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.at(x, y);
      pixel[0] = static_cast<std::uint8_t>(base + x % 100 + rng.below(8));
      pixel[1] = static_cast<std::uint8_t>(base + y % 100 + rng.below(8));
      pixel[2] = static_cast<std::uint8_t>(200 - base / 2 - rng.below(8));
    }
  }
  return image;
}

// Vertical stripes of the ids 0 .. classes-1.
inline LabelMap make_labels(std::int64_t width, std::int64_t height, std::int64_t classes) {
  LabelMap labels(width, height);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x)
      labels.at(x, y) = static_cast<std::uint8_t>(x * classes / width);
  }
  return labels;
}

// How a PNG is stored. `samples` holds one number per channel and pixel, not packed.
struct PngSpec {
  int color_type = PNG_COLOR_TYPE_GRAY;
  int bit_depth = 8;
  int width = 0;
  int height = 0;
  std::vector<std::uint16_t> samples = {};
  std::vector<Rgb> palette = {};
  bool interlaced = false;
};

inline Bytes store_png(const PngSpec& spec) {
  Bytes out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png,
      &out,
      [](png_structp p, png_bytep data, std::size_t count) {
        auto* target = static_cast<Bytes*>(png_get_io_ptr(p));
        target->insert(target->end(), data, data + count);
      },
      [](png_structp) {});
  png_set_IHDR(png,
               info,
               static_cast<png_uint_32>(spec.width),
               static_cast<png_uint_32>(spec.height),
               spec.bit_depth,
               spec.color_type,
               spec.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_color> palette;
  for (const Rgb& colour : spec.palette) palette.push_back({colour.r, colour.g, colour.b});
  if (!palette.empty()) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  png_write_info(png, info);
  png_set_packing(png);
  Bytes bytes;
  for (const std::uint16_t sample : spec.samples) {
    if (spec.bit_depth == 16) bytes.push_back(static_cast<std::uint8_t>(sample >> 8));
    bytes.push_back(static_cast<std::uint8_t>(sample));
  }
  std::vector<png_bytep> rows;
  const std::size_t stride = bytes.size() / static_cast<std::size_t>(spec.height);
  for (int y = 0; y < spec.height; ++y)
    rows.push_back(&bytes[static_cast<std::size_t>(y) * stride]);
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

struct JpegSpec {
  J_COLOR_SPACE space = JCS_RGB;
  int components = 3;
  bool progressive = false;
};

// A JPEG of constant-free content in any colour space libjpeg can write.
inline Bytes store_jpeg(const JpegSpec& spec, int width, int height) {
  jpeg_error_mgr errors;
  jpeg_compress_struct jpeg{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.input_components = spec.components;
  jpeg.in_color_space = spec.space;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  if (spec.progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  Bytes row(static_cast<std::size_t>(width * spec.components));
  for (int y = 0; y < height; ++y) {
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = static_cast<std::uint8_t>(i * 3 + static_cast<std::size_t>(y) * 2);
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes out(buffer, buffer + size);
  std::free(buffer);
  return out;
}

inline void store(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

inline void store(const std::filesystem::path& file, const Bytes& bytes) {
  store(file, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// A gray 8-bit label file with exactly these values.
inline void store_gray(const std::filesystem::path& file, const LabelMap& labels) {
  PngSpec spec{.width = static_cast<int>(labels.width), .height = static_cast<int>(labels.height)};
  spec.samples.assign(labels.ids.begin(), labels.ids.end());
  store(file, store_png(spec));
}

inline void store_rgb(const std::filesystem::path& file,
                      const LabelMap& labels,
                      const std::vector<Rgb>& colours) {
  Image image(labels.width, labels.height);
  for (std::size_t i = 0; i < labels.ids.size(); ++i) {
    const Rgb& colour = colours[labels.ids[i]];
    image.pixels[3 * i] = colour.r;
    image.pixels[3 * i + 1] = colour.g;
    image.pixels[3 * i + 2] = colour.b;
  }
  write_png(file, image);
}

inline constexpr std::int64_t kSide = 24;

// A faultless set in the layout "folder" with three classes and the ids t0.. v0.. e0..
inline void make_folder_set(const std::filesystem::path& root,
                            int train = 4,
                            int val = 2,
                            int test = 2) {
  std::uint64_t seed = 100;
  const auto add = [&](char prefix, int count, const char* list) {
    std::string ids;
    for (int i = 0; i < count; ++i) {
      const std::string id = fmt::format("{}{}", prefix, i);
      write_png(root / "images" / (id + ".png"), make_image(kSide, kSide, ++seed));
      write_label_png(
          root / "labels" / (id + ".png"), make_labels(kSide, kSide, 3), voc_palette(3));
      ids += id + "\n";
    }
    store(root / list, ids);
  };
  add('t', train, "train.txt");
  add('v', val, "val.txt");
  add('e', test, "test.txt");
  store(root / "dataset.json",
        R"({"name": "tiny", "classes": ["ground", "tree", "car"], "ignore_id": 255})");
}

// The message of the user error that `action` must throw.
template <typename Action>
std::string user_error(const Action& action) {
  try {
    action();
  } catch (const core::Error& error) {
    return error.kind() == core::ErrorKind::kUser ? error.what()
                                                  : std::string("internal: ") + error.what();
  }
  return "no error";
}

}  // namespace parsimony::data::testing
