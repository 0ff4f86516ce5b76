// SPDX-License-Identifier: Apache-2.0
// What check says of single label maps; damage to lists and files is tested in check_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/data/check_fixture_for_test.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::Contains;

using CheckLabels = Check;

TEST_F(CheckLabels, SizeMismatch) {
  write_png(image("t2"), make_image(30, 20, 5));
  expect_error("size-mismatch", "labels/t2.png", {"24x24", "30x20"});
}

TEST_F(CheckLabels, TurnedSize) {
  write_png(image("t2"), make_image(30, 20, 5));
  store_gray(label("t2"), make_labels(20, 30, 3));
  expect_error("size-mismatch", "labels/t2.png", {"20x30", "30x20", "turned by 90 degrees"});
}

TEST_F(CheckLabels, LabelOutOfRange) {
  LabelMap labels = make_labels(kSide, kSide, 3);
  labels.at(0, 0) = labels.at(1, 0) = labels.at(2, 0) = 40;
  labels.at(3, 0) = 50;
  store_gray(label("e0"), labels);
  expect_error("label-out-of-range",
               "labels/e0.png",
               {"value 40 in 3 pixels", "value 50 in 1 pixels", "0 to 2"});
}

TEST_F(CheckLabels, StretchedIds) {
  LabelMap labels = make_labels(kSide, kSide, 3);
  for (std::uint8_t& id : labels.ids) id = static_cast<std::uint8_t>(id * 127);
  store_gray(label("t0"), labels);
  expect_error(
      "label-out-of-range", "labels/t0.png", {"value 127 in 192 pixels", "multiplied by 127"});
}

TEST_F(CheckLabels, InterpolatedLabels) {
  LabelMap labels(kSide, kSide);
  for (std::size_t i = 0; i < labels.ids.size(); ++i)
    labels.ids[i] = static_cast<std::uint8_t>(i % 200);
  store_gray(label("t0"), labels);
  expect_error("label-out-of-range", "labels/t0.png", {"value 3 in 3 pixels", "interpolation"});
}

TEST_F(CheckLabels, OffByOneClassCount) {
  store_gray(label("t0"), make_labels(kSide, kSide, 4));
  expect_error("off-by-one-classes", "labels/t0.png", {"value is 3", "144 pixels", "not named"});
  expect_error("label-out-of-range", "labels/t0.png", {"value 3 in 144 pixels"});
}

TEST_F(CheckLabels, IdsCountedFromOne) {
  LabelMap labels = make_labels(kSide, kSide, 3);
  for (std::uint8_t& id : labels.ids) ++id;
  for (const char* id : {"t0", "t1", "t2", "t3", "v0", "v1", "e0", "e1"})
    store_gray(label(id), labels);
  expect_error(
      "off-by-one-classes", "labels/t0.png", {"value is 3", "1536 pixels", "counted from 1"});
}

TEST_F(CheckLabels, BlackAndWhiteMasks) {
  store(root() / "dataset.json", R"({"classes": ["background", "portrait"]})");
  LabelMap mask(kSide, kSide);
  mask.at(1, 1) = mask.at(2, 1) = 255;
  for (const char* id : {"t0", "t1", "t2", "t3", "v0", "v1", "e0", "e1"})
    store_gray(label(id), mask);
  expect_error("mask-0-255", "labels/t0.png", {"255 (16 pixels)"});
}

TEST_F(CheckLabels, BlackAndWhiteMaskAmongOthers) {
  store(root() / "dataset.json", R"({"classes": ["background", "portrait"]})");
  for (const char* id : {"t0", "t1", "t2", "v0", "v1", "e0", "e1"})
    store_gray(label(id), make_labels(kSide, kSide, 2));
  LabelMap mask(kSide, kSide);
  mask.at(1, 1) = 255;
  store_gray(label("t3"), mask);
  expect("mask-0-255", Severity::kWarning, "labels/t3.png", {"255 (1 pixels)"});
}

TEST_F(CheckLabels, BlackAndWhiteMaskWithoutIgnore) {
  store(root() / "dataset.json", R"({"classes": ["background", "portrait"], "ignore_id": null})");
  for (const char* id : {"t0", "t1", "t2", "v0", "v1", "e0", "e1"})
    store_gray(label(id), make_labels(kSide, kSide, 2));
  LabelMap mask(kSide, kSide);
  mask.at(1, 1) = 255;
  store_gray(label("t3"), mask);
  expect_error("mask-0-255", "labels/t3.png", {"255 (1 pixels)"});
}

TEST_F(CheckLabels, PaletteExpandedToRgb) {
  store_rgb(label("v1"), make_labels(kSide, kSide, 3), voc_palette(3));
  expect_error("palette-expanded", "labels/v1.png", {"(128,0,0) = class 1 'tree' in 192 pixels"});
}

TEST_F(CheckLabels, RgbMaskInOtherColours) {
  store_rgb(label("v1"), make_labels(kSide, kSide, 3), {{1, 2, 3}, {9, 8, 7}, {128, 0, 0}});
  expect_error("rgb-mask", "labels/v1.png", {"colour (1,2,3) in 192 pixels"});
}

TEST_F(CheckLabels, GrayStoredAsRgb) {
  store_rgb(label("v1"), make_labels(kSide, kSide, 3), {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}});
  expect_error(
      "gray-as-rgb", "labels/v1.png", {"three equal channels", "colour (1,1,1) in 192 pixels"});
}

TEST_F(CheckLabels, SixteenBitMask) {
  PngSpec spec{.bit_depth = 16, .width = kSide, .height = kSide};
  for (const std::uint8_t id : make_labels(kSide, kSide, 3).ids) spec.samples.push_back(id);
  store(label("t0"), store_png(spec));
  expect("16-bit-mask", Severity::kNote, "labels/t0.png", {"valid class ids"});
  for (std::uint16_t& sample : spec.samples) sample = static_cast<std::uint16_t>(sample * 257);
  store(label("t0"), store_png(spec));
  expect_error("16-bit-mask", "labels/t0.png", {"value 514 in 192 pixels", "multiples of 257"});
  spec.samples.assign(spec.samples.size(), 1000);
  store(label("t0"), store_png(spec));
  expect_error("16-bit-mask", "labels/t0.png", {"value 1000 in 576 pixels"});
}

TEST(CheckCamvid, UnknownColours) {
  const core::TemporaryFolder folder;
  const std::vector<Rgb> colours = {{128, 128, 128}, {1, 2, 3}};
  LabelMap few(kSide, kSide);
  few.at(0, 0) = 1;
  LabelMap many = make_labels(kSide, kSide, 2);
  const fs::path labels = folder.path() / "LabeledApproved_full";
  store_rgb(labels / "few_L.png", few, colours);
  store_rgb(labels / "many_L.png", many, colours);
  store_gray(labels / "gray_L.png", few);
  for (const char* name : {"few.png", "many.png", "gray.png"}) {
    write_png(folder.path() / "701_StillsRaw_full" / name,
              make_image(kSide, kSide, std::string_view(name).size()));
  }
  const auto findings = check(folder.path()).findings;
  EXPECT_THAT(findings,
              Contains(Reports("unknown-colours",
                               Severity::kNote,
                               std::string("LabeledApproved_full/few_L.png"),
                               Texts{"colour (1,2,3) in 1 pixels"})));
  EXPECT_THAT(findings,
              Contains(Reports("unknown-colours",
                               Severity::kError,
                               std::string("LabeledApproved_full/many_L.png"),
                               Texts{"colour (1,2,3) in 288 pixels"})));
  EXPECT_THAT(findings,
              Contains(Reports("label-out-of-range",
                               Severity::kError,
                               std::string("LabeledApproved_full/gray_L.png"),
                               Texts{"RGB file"})));
}

}  // namespace
}  // namespace parsimony::data
