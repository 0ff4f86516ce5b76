// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "parsimony/data/codec.h"
#include "parsimony/data/image.h"

namespace parsimony::data {

// How the numbers in a label file become class ids.
//
//   LabelCoding coding = LabelCoding::identity(11, 255);
//   CodedLabels coded = code_labels(read_raw_labels(file, coding), coding);
//   if (!coded.accepted) ... coded.strange says which values are not class ids, and how often
struct LabelCoding {
  static constexpr std::int16_t kStrange = -1;

  // Class id, LabelMap::kIgnore or kStrange for every 8-bit value.
  std::array<std::int16_t, 256> ids{};
  // Whether an RGB file with three equal channels counts as gray (copies of Cityscapes exist so).
  bool gray_as_rgb = false;
  // Not empty: labels are RGB files in these colours, given as 0xRRGGBB in rising order.
  std::vector<std::pair<std::uint32_t, std::uint8_t>> colours;
  // Share of pixels in other colours that is ignored rather than refused.
  double strange_share = 0.0;
  // Not empty: labels are MATLAB files, and this variable of theirs is the map, [height, width].
  std::string matlab_variable = {};

  // Value = class id below `classes`; `ignore_id` (-1: none) becomes kIgnore, all else is strange.
  static LabelCoding identity(std::size_t classes, int ignore_id);
  void set_colours(std::vector<std::pair<Rgb, std::uint8_t>> table);
};

std::uint32_t pack(Rgb colour);                    // 0xRRGGBB
std::string text_of_colour(std::uint32_t packed);  // "(128,0,64)"

// A value (or packed colour) that the coding does not know.
struct StrangeValue {
  std::uint32_t value = 0;
  std::int64_t pixels = 0;
};

struct CodedLabels {
  LabelMap labels;                    // strange pixels are kIgnore
  std::vector<StrangeValue> strange;  // most frequent first
  std::int64_t strange_pixels = 0;
  bool in_colour = false;  // `strange` holds packed colours
  bool accepted = true;
};

// The numbers of a label file: those of a PNG (data/codec.h), or of a MATLAB variable as 8-bit
// gray.
RawLabels read_raw_labels(const std::filesystem::path& file, const LabelCoding& coding);

CodedLabels code_labels(const RawLabels& raw, const LabelCoding& coding);

// "value 17 in 345 pixels, value 90 in 2 pixels and 5 more values in 12 pixels"
std::string describe_strange(const CodedLabels& coded);

// Reads one label map; a user error names file, values and pixel counts when it holds strange ones.
LabelMap read_labels(const std::filesystem::path& file, const LabelCoding& coding);

}  // namespace parsimony::data
