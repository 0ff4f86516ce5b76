// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <algorithm>
#include <bit>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include "parsimony/core/error.h"
#include "parsimony/data/codec_formats.h"

namespace parsimony::data::png {
namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kHeaderEnd = 29;           // signature, IHDR length and type, its 13 bytes
constexpr std::int64_t kMaxDeflateRatio = 1032;  // RFC 1951: 258 bytes from two bits

// What the callbacks share with us. Trivially destructible, so that a jump may pass over it.
struct Session {
  std::jmp_buf jump;
  char message[200] = "";
  const std::uint8_t* next = nullptr;
  std::size_t left = 0;
  std::vector<std::uint8_t>* out = nullptr;

  // Runs `body`, which may call libpng; false when libpng gave up. `body` must hold no objects with
  // destructors (see codec_formats.h).
  template <typename Body>
  bool run(const Body& body) {
    if (setjmp(jump) != 0) return false;
    body();
    return true;
  }
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* session = static_cast<Session*>(png_get_error_ptr(png));
  std::snprintf(session->message, sizeof(session->message), "%s", message);
  std::longjmp(session->jump, 1);
}

// Warnings concern ancillary chunks (colour profiles, dates), which nothing here uses.
void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep target, std::size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  if (count > session->left) png_error(png, "the file ends early");
  std::memcpy(target, session->next, count);
  session->next += count;
  session->left -= count;
}

void on_write(png_structp png, png_bytep data, std::size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  bool stored = true;
  try {
    session->out->insert(session->out->end(), data, data + count);
  } catch (...) {
    stored = false;
  }
  if (!stored) png_error(png, "out of memory");  // outside the handler: the jump must not leave it
}

void on_flush(png_structp) {}

// Owns what libpng allocates, so that a constructor may throw.
struct Handles {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Handles() { png_destroy_read_struct(&png, &info, nullptr); }
};

class Reader {
 public:
  Reader(ByteSpan bytes, std::string_view file) : file_(file) {
    const ImageSize header = size(bytes, file);
    check_dimensions(header.width, header.height, file);
    session_.next = bytes.data();
    session_.left = bytes.size();
    run([this] {
      handles_.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &session_, on_error, on_warning);
      handles_.info = png_create_info_struct(handles_.png);
      png_set_read_fn(handles_.png, &session_, on_read);
      png_set_user_limits(handles_.png, kMaxImageSide, kMaxImageSide);
      png_read_info(handles_.png, handles_.info);
    });
    const auto row_bytes = static_cast<std::int64_t>(png_get_rowbytes(handles_.png, handles_.info));
    if (header.height * row_bytes > kMaxDeflateRatio * static_cast<std::int64_t>(bytes.size())) {
      throw_damaged(file, "PNG", "too few bytes for the size in its header");
    }
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  png_structp png() { return handles_.png; }
  png_infop info() { return handles_.info; }
  std::int64_t width() { return png_get_image_width(handles_.png, handles_.info); }
  std::int64_t height() { return png_get_image_height(handles_.png, handles_.info); }

  template <typename Body>
  void run(const Body& body) {
    if (session_.run(body)) return;
    throw_damaged(file_, "PNG", session_.message);
  }

  // Decodes every row into `target` after the transformations were set; checks the end of the file
  // as well, so that no truncation passes.
  void read_rows(std::uint8_t* target, std::size_t bytes_per_row) {
    run([this] {
      png_set_interlace_handling(handles_.png);
      png_read_update_info(handles_.png, handles_.info);
    });
    core::require(png_get_rowbytes(handles_.png, handles_.info) == bytes_per_row,
                  "{}: libpng gives {} bytes a row, expected {}",
                  file_,
                  png_get_rowbytes(handles_.png, handles_.info),
                  bytes_per_row);
    std::vector<png_bytep> rows(static_cast<std::size_t>(height()));
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = target + y * bytes_per_row;
    run([this, &rows] {
      png_read_image(handles_.png, rows.data());
      png_read_end(handles_.png, nullptr);
    });
  }

 private:
  std::string_view file_;
  Session session_;
  Handles handles_;
};

std::vector<Rgb> read_palette(Reader& reader) {
  png_colorp colours = nullptr;
  int count = 0;
  reader.run([&] { png_get_PLTE(reader.png(), reader.info(), &colours, &count); });
  std::vector<Rgb> palette;
  for (int i = 0; i < count; ++i) {
    palette.push_back({colours[i].red, colours[i].green, colours[i].blue});
  }
  return palette;
}

class Writer {
 public:
  Writer() {
    session_.out = &bytes_;
    run([this] {
      png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &session_, on_error, on_warning);
      info_ = png_create_info_struct(png_);
      png_set_write_fn(png_, &session_, on_write, on_flush);
    });
  }
  ~Writer() { png_destroy_write_struct(&png_, &info_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Gray has 16 bit, in the byte order of PNG; all else has 8.
  std::vector<std::uint8_t> write(std::int64_t width,
                                  std::int64_t height,
                                  int color_type,
                                  std::span<const png_color> palette,
                                  const std::uint8_t* pixels) {
    core::require(
        width > 0 && height > 0, "cannot encode a picture of {}x{} pixels", width, height);
    const int bit_depth = color_type == PNG_COLOR_TYPE_GRAY ? 16 : 8;
    const std::size_t bytes_per_pixel = color_type == PNG_COLOR_TYPE_RGB    ? 3
                                        : color_type == PNG_COLOR_TYPE_GRAY ? 2
                                                                            : 1;
    const std::size_t stride = static_cast<std::size_t>(width) * bytes_per_pixel;
    run([&] {
      png_set_IHDR(png_,
                   info_,
                   static_cast<png_uint_32>(width),
                   static_cast<png_uint_32>(height),
                   bit_depth,
                   color_type,
                   PNG_INTERLACE_NONE,
                   PNG_COMPRESSION_TYPE_DEFAULT,
                   PNG_FILTER_TYPE_DEFAULT);
      if (!palette.empty()) {
        png_set_PLTE(png_, info_, palette.data(), static_cast<int>(palette.size()));
      }
      png_write_info(png_, info_);
      for (std::int64_t y = 0; y < height; ++y) {
        png_write_row(png_, pixels + static_cast<std::size_t>(y) * stride);
      }
      png_write_end(png_, info_);
    });
    return std::move(bytes_);
  }

 private:
  template <typename Body>
  void run(const Body& body) {
    if (session_.run(body)) return;
    core::throw_internal_error("PNG encoding failed: {}", session_.message);
  }

  Session session_;
  std::vector<std::uint8_t> bytes_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

std::int64_t big_endian(ByteSpan bytes) {
  std::int64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

bool matches(ByteSpan bytes) {
  return bytes.size() >= kSignatureBytes && png_sig_cmp(bytes.data(), 0, kSignatureBytes) == 0;
}

ImageSize size(ByteSpan bytes, std::string_view file) {
  if (bytes.size() < kHeaderEnd || std::memcmp(bytes.data() + 12, "IHDR", 4) != 0) {
    throw_damaged(file, "PNG", "no complete header");
  }
  return {big_endian(bytes.subspan(16, 4)), big_endian(bytes.subspan(20, 4))};
}

Image decode(ByteSpan bytes, std::string_view file) {
  Reader reader(bytes, file);
  reader.run([&] {
    png_set_expand(reader.png());
    png_set_scale_16(reader.png());
    png_set_gray_to_rgb(reader.png());
    png_set_strip_alpha(reader.png());
  });
  Image image(reader.width(), reader.height());
  reader.read_rows(image.pixels.data(), static_cast<std::size_t>(3 * image.width));
  return image;
}

RawLabels decode_raw(ByteSpan bytes, std::string_view file) {
  Reader reader(bytes, file);
  const int color_type = png_get_color_type(reader.png(), reader.info());
  RawLabels labels;
  labels.bit_depth = png_get_bit_depth(reader.png(), reader.info());
  labels.width = reader.width();
  labels.height = reader.height();
  const bool colour = (color_type & PNG_COLOR_MASK_COLOR) != 0;
  if (color_type == PNG_COLOR_TYPE_PALETTE) {
    labels.kind = RawLabels::Kind::kPalette;
    labels.palette = read_palette(reader);
  } else if (colour) {
    labels.kind = RawLabels::Kind::kRgb;
  } else if (labels.bit_depth == 16) {
    labels.kind = RawLabels::Kind::kGray16;
  }
  reader.run([&] {
    png_set_packing(reader.png());
    png_set_strip_alpha(reader.png());
    if (labels.kind == RawLabels::Kind::kRgb) png_set_scale_16(reader.png());
    if constexpr (std::endian::native == std::endian::little) png_set_swap(reader.png());
  });
  const auto pixels = static_cast<std::size_t>(labels.width * labels.height);
  const auto width = static_cast<std::size_t>(labels.width);
  if (labels.kind == RawLabels::Kind::kGray16) {
    labels.wide.resize(pixels);
    reader.read_rows(reinterpret_cast<std::uint8_t*>(labels.wide.data()), 2 * width);
  } else {
    const std::size_t channels = labels.kind == RawLabels::Kind::kRgb ? 3 : 1;
    labels.values.resize(channels * pixels);
    reader.read_rows(labels.values.data(), channels * width);
  }
  return labels;
}

std::vector<std::uint8_t> encode(const Image& image) {
  return Writer().write(image.width, image.height, PNG_COLOR_TYPE_RGB, {}, image.pixels.data());
}

std::vector<std::uint8_t> encode(const LabelMap& labels, std::span<const Rgb> palette) {
  constexpr png_color kOutsidePalette = {224, 224, 192};  // the void colour of PASCAL VOC
  core::require(palette.size() <= 256, "a palette has at most 256 colours, got {}", palette.size());
  std::size_t colours = std::max<std::size_t>(palette.size(), 1);
  for (const std::uint8_t id : labels.ids)
    colours = std::max<std::size_t>(colours, id + std::size_t{1});
  std::vector<png_color> entries(colours, kOutsidePalette);
  for (std::size_t i = 0; i < palette.size(); ++i) {
    entries[i] = {palette[i].r, palette[i].g, palette[i].b};
  }
  return Writer().write(
      labels.width, labels.height, PNG_COLOR_TYPE_PALETTE, entries, labels.ids.data());
}

std::vector<std::uint8_t> encode_gray16(std::int64_t width,
                                        std::int64_t height,
                                        std::span<const std::uint16_t> values) {
  core::require(static_cast<std::int64_t>(values.size()) == width * height,
                "{} values for a picture of {}x{} pixels",
                values.size(),
                width,
                height);
  std::vector<std::uint8_t> bytes;
  bytes.reserve(2 * values.size());
  for (const std::uint16_t value : values) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value & 0xff));
  }
  return Writer().write(width, height, PNG_COLOR_TYPE_GRAY, {}, bytes.data());
}

}  // namespace parsimony::data::png
