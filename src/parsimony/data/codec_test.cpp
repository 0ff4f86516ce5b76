// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/data/fixtures_for_test.h"

namespace parsimony::data {
namespace {

using ::testing::AllOf;
using testing::Bytes;
using ::testing::HasSubstr;
using testing::JpegSpec;
using testing::make_image;
using testing::make_labels;
using testing::PngSpec;
using testing::store_jpeg;
using testing::store_png;
using testing::user_error;

Image decode(const Bytes& bytes) {
  return decode_image(bytes, "memory");
}
RawLabels decode_raw(const Bytes& bytes) {
  return decode_raw_labels(bytes, "memory");
}

// 7 x 5 samples that use the whole range of a bit depth: the odd width leaves padding bits in a
// row.
PngSpec spec_of(int color_type, int bit_depth, int channels, bool interlaced) {
  PngSpec spec{.color_type = color_type,
               .bit_depth = bit_depth,
               .width = 7,
               .height = 5,
               .interlaced = interlaced};
  const int range = bit_depth == 16 ? 65536 : 1 << bit_depth;
  for (int i = 0; i < 35 * channels; ++i) {
    const int value = bit_depth == 16 ? i * 1871 : i * 37;
    spec.samples.push_back(static_cast<std::uint16_t>(value % range));
  }
  if (color_type == PNG_COLOR_TYPE_PALETTE)
    spec.palette = voc_palette(static_cast<std::size_t>(range));
  return spec;
}

TEST(Png, RoundTripIsExact) {
  const Image image = make_image(31, 17);
  EXPECT_EQ(decode(encode_png(image)), image);
}

TEST(Png, LabelsRoundTripAsIndices) {
  LabelMap labels = make_labels(31, 17, 11);
  labels.at(3, 4) = LabelMap::kIgnore;
  const RawLabels raw = decode_raw(encode_label_png(labels, voc_palette(11)));
  EXPECT_EQ(raw.kind, RawLabels::Kind::kPalette);
  EXPECT_EQ(raw.values, labels.ids);
  EXPECT_EQ(raw.palette[1], (Rgb{128, 0, 0}));
}

class EveryPng : public ::testing::TestWithParam<std::tuple<int, int, bool>> {};

TEST_P(EveryPng, KeepsStoredValuesAsLabels) {
  const auto [color_type, bit_depth, interlaced] = GetParam();
  const bool colour =
      (color_type & PNG_COLOR_MASK_COLOR) != 0 && color_type != PNG_COLOR_TYPE_PALETTE;
  const bool alpha = (color_type & PNG_COLOR_MASK_ALPHA) != 0;
  const int channels = (colour ? 3 : 1) + (alpha ? 1 : 0);
  const PngSpec spec = spec_of(color_type, bit_depth, channels, interlaced);
  const RawLabels raw = decode_raw(store_png(spec));

  EXPECT_EQ(raw.bit_depth, bit_depth);
  EXPECT_EQ(raw.width, 7);
  EXPECT_EQ(raw.height, 5);
  std::vector<std::uint16_t> expected;  // without alpha
  for (std::size_t i = 0; i < spec.samples.size(); ++i) {
    const bool is_alpha = alpha && static_cast<int>(i) % channels == channels - 1;
    if (!is_alpha) expected.push_back(spec.samples[i]);
  }
  if (colour) {
    EXPECT_EQ(raw.kind, RawLabels::Kind::kRgb);
    ASSERT_EQ(raw.values.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(raw.values[i], bit_depth == 8 ? expected[i] : std::round(expected[i] / 257.0));
    }
  } else if (bit_depth == 16) {
    EXPECT_EQ(raw.kind, RawLabels::Kind::kGray16);
    EXPECT_EQ(raw.wide, expected);
  } else {
    EXPECT_EQ(
        raw.kind,
        color_type == PNG_COLOR_TYPE_PALETTE ? RawLabels::Kind::kPalette : RawLabels::Kind::kGray);
    EXPECT_EQ(std::vector<std::uint16_t>(raw.values.begin(), raw.values.end()), expected);
  }
}

TEST_P(EveryPng, BecomesRgbAsPicture) {
  const auto [color_type, bit_depth, interlaced] = GetParam();
  const bool palette = color_type == PNG_COLOR_TYPE_PALETTE;
  const bool colour = (color_type & PNG_COLOR_MASK_COLOR) != 0 && !palette;
  const int channels = (colour ? 3 : 1) + ((color_type & PNG_COLOR_MASK_ALPHA) != 0 ? 1 : 0);
  const PngSpec spec = spec_of(color_type, bit_depth, channels, interlaced);
  const Image image = decode(store_png(spec));

  ASSERT_EQ(image.pixels.size(), 105u);
  const double scale = 255.0 / ((1 << bit_depth) - 1);
  for (std::size_t pixel = 0; pixel < 35; ++pixel) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const std::size_t sample =
          pixel * static_cast<std::size_t>(channels) + (colour ? channel : 0);
      double expected = std::round(spec.samples[sample] * scale);
      if (palette) {
        const Rgb& entry = spec.palette[spec.samples[sample]];
        expected = channel == 0 ? entry.r : channel == 1 ? entry.g : entry.b;
      }
      EXPECT_EQ(image.pixels[3 * pixel + channel], expected)
          << "pixel " << pixel << " channel " << channel;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         EveryPng,
                         ::testing::Values(std::tuple(PNG_COLOR_TYPE_GRAY, 1, false),
                                           std::tuple(PNG_COLOR_TYPE_GRAY, 2, false),
                                           std::tuple(PNG_COLOR_TYPE_GRAY, 4, false),
                                           std::tuple(PNG_COLOR_TYPE_GRAY, 8, false),
                                           std::tuple(PNG_COLOR_TYPE_GRAY, 16, false),
                                           std::tuple(PNG_COLOR_TYPE_PALETTE, 1, false),
                                           std::tuple(PNG_COLOR_TYPE_PALETTE, 2, false),
                                           std::tuple(PNG_COLOR_TYPE_PALETTE, 4, false),
                                           std::tuple(PNG_COLOR_TYPE_PALETTE, 8, false),
                                           std::tuple(PNG_COLOR_TYPE_RGB, 8, false),
                                           std::tuple(PNG_COLOR_TYPE_RGB, 16, false),
                                           std::tuple(PNG_COLOR_TYPE_RGBA, 8, false),
                                           std::tuple(PNG_COLOR_TYPE_RGBA, 16, false),
                                           std::tuple(PNG_COLOR_TYPE_GRAY_ALPHA, 8, false),
                                           std::tuple(PNG_COLOR_TYPE_GRAY_ALPHA, 16, false),
                                           std::tuple(PNG_COLOR_TYPE_GRAY, 1, true),
                                           std::tuple(PNG_COLOR_TYPE_GRAY, 16, true),
                                           std::tuple(PNG_COLOR_TYPE_PALETTE, 2, true),
                                           std::tuple(PNG_COLOR_TYPE_PALETTE, 8, true),
                                           std::tuple(PNG_COLOR_TYPE_RGB, 8, true),
                                           std::tuple(PNG_COLOR_TYPE_RGBA, 8, true)));

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

TEST(Jpeg, RoundTripIsClose) {
  const Image image = make_image(61, 45);
  const Image back = decode(encode_jpeg(image, 95));
  ASSERT_EQ(back.width, 61);
  ASSERT_EQ(back.height, 45);
  EXPECT_LT(mean_difference(image, back), 3.0);
}

TEST(Jpeg, ProgressiveEqualsBaseline) {
  const Image baseline = decode(store_jpeg({}, 50, 40));
  EXPECT_EQ(decode(store_jpeg({.progressive = true}, 50, 40)), baseline);
}

TEST(Jpeg, GrayBecomesThreeEqualChannels) {
  const Image image = decode(store_jpeg({.space = JCS_GRAYSCALE, .components = 1}, 20, 10));
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    EXPECT_EQ(image.pixels[i], image.pixels[i + 1]);
    EXPECT_EQ(image.pixels[i], image.pixels[i + 2]);
  }
}

TEST(Jpeg, CmykIsRefusedByName) {
  const Bytes bytes = store_jpeg({.space = JCS_CMYK, .components = 4}, 16, 16);
  EXPECT_THAT(user_error([&] { decode(bytes); }),
              AllOf(HasSubstr("memory"), HasSubstr("CMYK"), HasSubstr("4")));
}

TEST(Jpeg, IsRefusedAsLabelMap) {
  EXPECT_THAT(user_error([] { decode_raw(store_jpeg({}, 16, 16)); }),
              HasSubstr("expected a PNG label map"));
}

TEST(Codec, SizeComesFromTheHeaderAlone) {
  const core::TemporaryFolder folder;
  const auto png = folder.path() / "a.png";
  const auto jpeg = folder.path() / "b.jpg";
  Bytes bytes = encode_png(make_image(33, 22));
  bytes.resize(60);  // header, and a beginning of the pixels
  testing::store(png, bytes);
  testing::store(jpeg, encode_jpeg(make_image(44, 11), 80));
  EXPECT_EQ(image_size(png), (ImageSize{33, 22}));
  EXPECT_EQ(image_size(jpeg), (ImageSize{44, 11}));
}

TEST(Codec, SizeIsFoundBehindALongHeader) {
  const core::TemporaryFolder folder;
  Bytes bytes = encode_jpeg(make_image(44, 11), 80);
  Bytes comment = {0xff, 0xfe, 0xff, 0xff};
  comment.resize(2 + 0xffff, 'x');
  for (int i = 0; i < 3; ++i) bytes.insert(bytes.begin() + 2, comment.begin(), comment.end());
  testing::store(folder.path() / "a.jpg", bytes);
  EXPECT_EQ(image_size(folder.path() / "a.jpg"), (ImageSize{44, 11}));
}

TEST(Codec, FilesRoundTripAndNameThemselvesInErrors) {
  const core::TemporaryFolder folder;
  const Image image = make_image(9, 8);
  write_png(folder.path() / "new" / "a.png", image);
  EXPECT_EQ(read_image(folder.path() / "new" / "a.png"), image);
  EXPECT_THAT(user_error([&] { read_image(folder.path() / "none.png"); }), HasSubstr("none.png"));
  testing::store(folder.path() / "t.jpg", "BM and so on");
  EXPECT_THAT(user_error([&] { read_image(folder.path() / "t.jpg"); }),
              AllOf(HasSubstr("t.jpg"), HasSubstr("BMP")));
  testing::store(folder.path() / "p.png", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_THAT(user_error([&] { read_image(folder.path() / "p.png"); }), HasSubstr("Git LFS"));
  testing::store(folder.path() / "e.png", "");
  EXPECT_THAT(user_error([&] { read_raw_labels(folder.path() / "e.png"); }), HasSubstr("empty"));
}

TEST(Codec, AbsurdSizesAreRefusedBeforeAnyAllocation) {
  Bytes png = encode_png(make_image(8, 8));
  png[16] = 0x7f;  // width
  EXPECT_THAT(user_error([&] { decode(png); }), HasSubstr("pixels a side"));
  Bytes jpeg = encode_jpeg(make_image(8, 8), 80);
  for (std::size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) jpeg[i + 5] = jpeg[i + 7] = 0xf0;  // both sides
  }
  EXPECT_THAT(user_error([&] { decode(jpeg); }), HasSubstr("pixels a side"));
}

struct Named {
  const char* name;
  Bytes bytes;
};

std::vector<Named> valid_files() {
  LabelMap labels = make_labels(40, 30, 5);
  PngSpec interlaced = spec_of(PNG_COLOR_TYPE_RGB, 8, 3, true);
  return {{"png", encode_png(make_image(40, 30))},
          {"label png", encode_label_png(labels, voc_palette(5))},
          {"interlaced png", store_png(interlaced)},
          {"16-bit png", store_png(spec_of(PNG_COLOR_TYPE_GRAY, 16, 1, false))},
          {"jpeg", encode_jpeg(make_image(40, 30), 85)},
          {"gray jpeg", store_jpeg({.space = JCS_GRAYSCALE, .components = 1}, 40, 30)},
          {"progressive jpeg", store_jpeg({.progressive = true}, 40, 30)}};
}

TEST(Codec, EveryTruncationIsAUserError) {
  for (const auto& [name, bytes] : valid_files()) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      const std::string message = user_error([&] { decode(cut); });
      ASSERT_THAT(message, HasSubstr("memory"))
          << name << " cut to " << length << " of " << bytes.size();
    }
    EXPECT_NO_THROW(decode(bytes)) << name;
  }
}

TEST(Codec, RandomDamageNeverDoesMoreThanThrow) {
  core::Rng rng(20260101);
  int refused = 0;
  for (const auto& [name, bytes] : valid_files()) {
    for (int round = 0; round < 300; ++round) {
      Bytes mutant = bytes;
      for (std::int64_t edits = 1 + rng.below(4); edits > 0; --edits) {
        const auto at =
            static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(mutant.size())));
        mutant[at] = static_cast<std::uint8_t>(rng.below(256));
      }
      if (rng.chance(0.2))
        mutant.insert(mutant.begin() + rng.below(40), 3, static_cast<std::uint8_t>(rng.below(256)));
      try {
        const Image image = decode(mutant);
        EXPECT_EQ(image.pixels.size(), static_cast<std::size_t>(image.width * image.height * 3));
      } catch (const core::Error& error) {
        EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << name << ": " << error.what();
        ++refused;
      }
      try {
        decode_raw(mutant);
      } catch (const core::Error& error) {
        EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << name << ": " << error.what();
      }
    }
  }
  EXPECT_GT(refused, 500);  // the damage does reach the decoders
}

}  // namespace
}  // namespace parsimony::data
