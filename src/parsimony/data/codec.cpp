// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/codec.h"

#include <array>
#include <fstream>
#include <string>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/data/codec_formats.h"

namespace parsimony::data {
namespace {

// Enough for a PNG header always and for a JPEG header unless it carries a large profile or
// preview.
constexpr std::size_t kHeaderBytes = 64 * 1024;

struct Signature {
  std::string_view magic;
  std::string_view name;
};

// Files that are commonly found where a JPEG or PNG is expected.
constexpr std::array kForeignFormats = {
    Signature{"BM", "a BMP file"},
    Signature{"GIF8", "a GIF file"},
    Signature{std::string_view("II*\0", 4), "a TIFF file"},
    Signature{std::string_view("MM\0*", 4), "a TIFF file"},
    Signature{"RIFF", "a WebP file"},
    Signature{"version https://git-lfs",
              "a Git LFS pointer, not the file itself (run `git lfs pull`)"},
    Signature{"<", "a web page or XML text"},
};

std::string_view describe_content(ByteSpan bytes) {
  if (bytes.empty()) return "an empty file";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Signature& signature : kForeignFormats) {
    if (text.starts_with(signature.magic)) return signature.name;
  }
  return "in no known picture format";
}

[[noreturn]] void throw_foreign(ByteSpan bytes, std::string_view file, std::string_view expected) {
  core::throw_user_error(
      "{}: is {}; expected {}. Convert it, or fetch it again if it should be one.",
      file,
      describe_content(bytes),
      expected);
}

std::vector<std::uint8_t> read_prefix(const std::filesystem::path& file, std::size_t limit) {
  std::ifstream in(file, std::ios::binary);
  std::vector<std::uint8_t> bytes(limit);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(limit));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

// Renames a finished draft over `file`. Unlike core::write_file_atomic it does not wait for the
// disk: data sets are thousands of pictures, which can be written again after a power failure.
void write_picture(const std::filesystem::path& file, ByteSpan bytes) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  const std::filesystem::path draft = file.string() + ".part";
  std::ofstream out(draft, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  std::error_code failure;
  if (out) std::filesystem::rename(draft, file, failure);
  if (!out || failure) {
    std::error_code ignored;
    std::filesystem::remove(draft, ignored);
    core::throw_user_error(
        "{}: cannot be written ({} bytes); expected a writable folder with free space. Check both.",
        file.string(),
        bytes.size());
  }
}

ImageSize decode_size(ByteSpan bytes, std::string_view name) {
  if (png::matches(bytes)) return png::size(bytes, name);
  if (jpeg::matches(bytes)) return jpeg::size(bytes, name);
  throw_foreign(bytes, name, "a JPEG or PNG picture");
}

}  // namespace

void check_dimensions(std::int64_t width, std::int64_t height, std::string_view file) {
  if (width > 0 && height > 0 && width <= kMaxImageSide && height <= kMaxImageSide &&
      width * height <= kMaxImagePixels) {
    return;
  }
  core::throw_user_error(
      "{}: its header says {}x{} pixels; expected at most {} pixels a side and {} in all. The file "
      "is "
      "damaged, or must be cut into tiles first.",
      file,
      width,
      height,
      kMaxImageSide,
      kMaxImagePixels);
}

void throw_damaged(std::string_view file, std::string_view format, std::string_view reason) {
  core::throw_user_error(
      "{}: the {} data is damaged or cut short ({}); expected a complete file. Copy or download it "
      "again, or remove it from the set.",
      file,
      format,
      reason);
}

Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (png::matches(bytes)) return png::decode(bytes, name);
  if (jpeg::matches(bytes)) return jpeg::decode(bytes, name);
  throw_foreign(bytes, name, "a JPEG or PNG picture");
}

RawLabels decode_raw_labels(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (png::matches(bytes)) return png::decode_raw(bytes, name);
  if (jpeg::matches(bytes)) {
    core::throw_user_error(
        "{}: is a JPEG file; expected a PNG label map. JPEG changes pixel values, so class ids in "
        "it "
        "cannot be trusted: export the labels again as PNG.",
        name);
  }
  throw_foreign(bytes, name, "a PNG label map");
}

Image read_image(const std::filesystem::path& file) {
  return decode_image(core::read_binary_file(file), file.string());
}

RawLabels read_raw_labels(const std::filesystem::path& file) {
  return decode_raw_labels(core::read_binary_file(file), file.string());
}

ImageSize image_size(const std::filesystem::path& file) {
  const std::vector<std::uint8_t> prefix = read_prefix(file, kHeaderBytes);
  if (prefix.size() == kHeaderBytes) {
    try {
      return decode_size(prefix, file.string());
    } catch (const core::Error&) {
      // The header may simply be longer than the prefix; the whole file decides.
    }
  }
  return decode_size(core::read_binary_file(file), file.string());
}

std::vector<std::uint8_t> encode_png(const Image& image) {
  return png::encode(image);
}

std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality) {
  return jpeg::encode(image, quality);
}

std::vector<std::uint8_t> encode_label_png(const LabelMap& labels, std::span<const Rgb> palette) {
  return png::encode(labels, palette);
}

std::vector<std::uint8_t> encode_gray16_png(std::int64_t width,
                                            std::int64_t height,
                                            std::span<const std::uint16_t> values) {
  return png::encode_gray16(width, height, values);
}

void write_png(const std::filesystem::path& file, const Image& image) {
  write_picture(file, encode_png(image));
}

void write_jpeg(const std::filesystem::path& file, const Image& image, int quality) {
  write_picture(file, encode_jpeg(image, quality));
}

void write_label_png(const std::filesystem::path& file,
                     const LabelMap& labels,
                     std::span<const Rgb> palette) {
  write_picture(file, encode_label_png(labels, palette));
}

void write_gray16_png(const std::filesystem::path& file,
                      std::int64_t width,
                      std::int64_t height,
                      std::span<const std::uint16_t> values) {
  write_picture(file, encode_gray16_png(width, height, values));
}

}  // namespace parsimony::data
