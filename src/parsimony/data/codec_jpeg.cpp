// SPDX-License-Identifier: Apache-2.0
#include <csetjmp>
#include <cstdio>  // jpeglib.h uses FILE without including it
#include <cstdlib>

#include <jpeglib.h>
// after jpeglib.h, on which it depends
#include <jerror.h>

#include "parsimony/core/error.h"
#include "parsimony/data/codec_formats.h"

namespace parsimony::data::jpeg {
namespace {

// A hostile progressive file can hold thousands of scans that each cost a pass over the picture;
// encoders write about ten.
constexpr int kMaxScans = 500;

// A Huffman-coded 8x8 block takes at least one bit; the factor leaves room for odd sampling
// factors.
constexpr std::int64_t kMaxPixelsPerByte = 8 * 64 * 4;

// libjpeg hands `manager` to the callbacks, which find the rest behind it: it must stay first.
// Trivially destructible, so that a jump may pass over it.
struct Session {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";

  // Runs `body`, which may call libjpeg; false when libjpeg gave up. `body` must hold no objects
  // with destructors (see codec_formats.h).
  template <typename Body>
  bool run(const Body& body) {
    if (setjmp(jump) != 0) return false;
    body();
    return true;
  }
};

[[noreturn]] void on_error(j_common_ptr jpeg) {
  auto* session = reinterpret_cast<Session*>(jpeg->err);
  jpeg->err->format_message(jpeg, session->message);
  std::longjmp(session->jump, 1);
}

// libjpeg only warns when pixels are missing and fills them with gray; here they are lost data.
bool means_damage(int message_code) {
  switch (message_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_NOT_SEQUENTIAL:
      return true;
    default:
      return false;
  }
}

void on_message(j_common_ptr jpeg, int level) {
  if (level < 0 && means_damage(jpeg->err->msg_code)) on_error(jpeg);
}

void on_progress(j_common_ptr jpeg) {
  if (!jpeg->is_decompressor) return;
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > kMaxScans) {
    ERREXIT(jpeg, JERR_BAD_PROGRESSION);
  }
}

void install(Session& session) {
  jpeg_std_error(&session.manager);
  session.manager.error_exit = on_error;
  session.manager.emit_message = on_message;
}

struct Decompressor : jpeg_decompress_struct {
  Decompressor() : jpeg_decompress_struct{} {}
  ~Decompressor() { jpeg_destroy_decompress(this); }
};

class Reader {
 public:
  Reader(ByteSpan bytes, std::string_view file) : file_(file), bytes_(bytes) {
    install(session_);
    jpeg_.err = &session_.manager;
    progress_.progress_monitor = on_progress;
    run([this] {
      jpeg_create_decompress(&jpeg_);
      jpeg_.progress = &progress_;
      jpeg_mem_src(&jpeg_, bytes_.data(), static_cast<unsigned long>(bytes_.size()));
      jpeg_read_header(&jpeg_, TRUE);
    });
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  ImageSize size() const { return {jpeg_.image_width, jpeg_.image_height}; }

  Image decode() {
    check_dimensions(size().width, size().height, file_);
    check_colours();
    const auto pixels = size().width * size().height;
    if (!jpeg_.arith_code &&
        pixels > kMaxPixelsPerByte * static_cast<std::int64_t>(bytes_.size())) {
      throw_damaged(file_, "JPEG", "too few bytes for the size in its header");
    }
    Image image(size().width, size().height);
    run([this, &image] {
      jpeg_.out_color_space = JCS_RGB;
      jpeg_start_decompress(&jpeg_);
      while (jpeg_.output_scanline < jpeg_.output_height) {
        JSAMPROW row = image.at(0, jpeg_.output_scanline);
        jpeg_read_scanlines(&jpeg_, &row, 1);
      }
      jpeg_finish_decompress(&jpeg_);
    });
    return image;
  }

 private:
  template <typename Body>
  void run(const Body& body) {
    if (session_.run(body)) return;
    throw_damaged(file_, "JPEG", session_.message);
  }

  void check_colours() const {
    const J_COLOR_SPACE space = jpeg_.jpeg_color_space;
    if (space == JCS_GRAYSCALE || space == JCS_RGB || space == JCS_YCbCr) return;
    core::throw_user_error(
        "{}: is a JPEG with {} colour components ({}); expected gray or RGB. Convert it to RGB, "
        "for "
        "example with `convert IN -colorspace sRGB OUT`.",
        file_,
        jpeg_.num_components,
        space == JCS_CMYK || space == JCS_YCCK ? "CMYK, made for print" : "unknown colour space");
  }

  std::string_view file_;
  ByteSpan bytes_;
  Session session_;
  jpeg_progress_mgr progress_{};
  Decompressor jpeg_;
};

class Writer {
 public:
  Writer() {
    install(session_);
    jpeg_.err = &session_.manager;
  }
  ~Writer() {
    jpeg_destroy_compress(&jpeg_);
    std::free(buffer_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  std::vector<std::uint8_t> write(const Image& image, int quality) {
    const bool done = session_.run([&] {
      jpeg_create_compress(&jpeg_);
      jpeg_mem_dest(&jpeg_, &buffer_, &size_);
      jpeg_.image_width = static_cast<JDIMENSION>(image.width);
      jpeg_.image_height = static_cast<JDIMENSION>(image.height);
      jpeg_.input_components = 3;
      jpeg_.in_color_space = JCS_RGB;
      jpeg_set_defaults(&jpeg_);
      jpeg_set_quality(&jpeg_, quality, TRUE);
      jpeg_start_compress(&jpeg_, TRUE);
      while (jpeg_.next_scanline < jpeg_.image_height) {
        auto* row = const_cast<JSAMPROW>(image.at(0, jpeg_.next_scanline));
        jpeg_write_scanlines(&jpeg_, &row, 1);
      }
      jpeg_finish_compress(&jpeg_);
    });
    core::require(done, "JPEG encoding failed: {}", session_.message);
    return {buffer_, buffer_ + size_};
  }

 private:
  Session session_;
  jpeg_compress_struct jpeg_{};
  unsigned char* buffer_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

bool matches(ByteSpan bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

ImageSize size(ByteSpan bytes, std::string_view file) {
  return Reader(bytes, file).size();
}

Image decode(ByteSpan bytes, std::string_view file) {
  return Reader(bytes, file).decode();
}

std::vector<std::uint8_t> encode(const Image& image, int quality) {
  core::require(image.width > 0 && image.height > 0 && quality >= 1 && quality <= 100,
                "cannot encode a picture of {}x{} pixels with quality {}",
                image.width,
                image.height,
                quality);
  return Writer().write(image, quality);
}

}  // namespace parsimony::data::jpeg
