// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "parsimony/data/depth_map.h"
#include "parsimony/data/pose.h"

namespace parsimony::data {

// An 8-bit RGB picture, rows from the top, interleaved: [height, width, 3].
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(std::int64_t w, std::int64_t h)
      : width(w), height(h), pixels(static_cast<std::size_t>(w * h * 3)) {}
  std::uint8_t* at(std::int64_t x, std::int64_t y) {
    return &pixels[static_cast<std::size_t>(3 * (y * width + x))];
  }
  const std::uint8_t* at(std::int64_t x, std::int64_t y) const {
    return &pixels[static_cast<std::size_t>(3 * (y * width + x))];
  }
  bool operator==(const Image&) const = default;
};

// One class id per pixel, rows from the top: [height, width]. kIgnore marks pixels that take part
// in neither loss nor metric.
struct LabelMap {
  static constexpr std::uint8_t kIgnore = 255;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> ids;

  LabelMap() = default;
  LabelMap(std::int64_t w, std::int64_t h, std::uint8_t fill = 0)
      : width(w), height(h), ids(static_cast<std::size_t>(w * h), fill) {}
  std::uint8_t& at(std::int64_t x, std::int64_t y) {
    return ids[static_cast<std::size_t>(y * width + x)];
  }
  std::uint8_t at(std::int64_t x, std::int64_t y) const {
    return ids[static_cast<std::size_t>(y * width + x)];
  }
  bool operator==(const LabelMap&) const = default;
};

// Classes that change sides in a mirrored picture, as pairs of ids: left eye and right eye. A class
// is in one pair at most; all others keep their ids.
using MirrorPairs = std::vector<std::pair<std::uint8_t, std::uint8_t>>;

// A picture and its labels, as far as the data set has them and they were asked for
// (data/target.h): label map and depth are of the picture's size or 0 x 0. All are always
// transformed together (data/augment.h).
struct Sample {
  Image image;
  LabelMap labels = {};
  MirrorPairs mirror_pairs = {};  // those of the data set: whoever mirrors swaps these ids
  DepthMap depth = {};
  std::optional<Pose> pose = {};
  JointPairs joint_pairs = {};  // those of the skeleton: whoever mirrors swaps these joints
};

struct Rgb {
  std::uint8_t r = 0, g = 0, b = 0;
  bool operator==(const Rgb&) const = default;
};

}  // namespace parsimony::data
