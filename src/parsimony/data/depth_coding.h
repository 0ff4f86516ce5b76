// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "parsimony/data/codec.h"
#include "parsimony/data/depth_map.h"

namespace parsimony::data {

// How the numbers in a gray PNG become metres.
struct DepthCoding {
  double scale = 1000;       // numbers per metre: 1000 where they are millimetres
  std::int64_t invalid = 0;  // the number of pixels without a depth; 0 always is one
  bool operator==(const DepthCoding&) const = default;
};

// Gray of 8 or 16 bit; a user error otherwise. `file` is what errors call the data.
DepthMap depth_of(const RawLabels& raw, const DepthCoding& coding, std::string_view file);

// The depth of a PNG; a user error where the unit of its numbers cannot be right.
DepthMap read_depth(const std::filesystem::path& file, const DepthCoding& coding);

// The median of the valid pixels, metres; nullopt when none is.
std::optional<float> median_of(const DepthMap& depth);

// Why a depth map cannot be in metres.
struct WrongUnit {
  std::string detail, remedy;
};

// Pictures whose median depth lies outside 0.1 to 80 m are taken for ones read with a wrong scale:
// rooms and streets lie well inside. nullopt when it is plausible or nothing is valid.
std::optional<WrongUnit> find_wrong_unit(const DepthMap& depth, double scale);

// A gray PNG of 16 bit with round(metres * scale). Pixels that are not finite and positive become
// 0; the smallest valid number is 1. A user error where a depth needs more than 16 bit.
void write_depth_png(const std::filesystem::path& file, const DepthMap& depth, double scale);

}  // namespace parsimony::data
