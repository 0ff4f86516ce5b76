// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>

#include "parsimony/core/rng.h"
#include "parsimony/data/augment.h"

namespace parsimony::data::testing {

inline constexpr std::array<Rgb, 4> kColours{
    {{20, 40, 200}, {220, 30, 30}, {30, 210, 60}, {240, 240, 230}}};

inline Image noise_image(std::int64_t width, std::int64_t height, std::uint64_t seed) {
  core::Rng rng(seed);
  Image image(width, height);
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

// Blobs of four classes in which the colour of a pixel tells its label.
inline Sample coloured_sample(std::int64_t width, std::int64_t height, std::uint64_t seed) {
  core::Rng rng(seed);
  Sample sample{Image(width, height), LabelMap(width, height)};
  const double a = rng.uniform(0.05, 0.2), b = rng.uniform(0.05, 0.2), phase = rng.uniform(0, 6);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const double fx = static_cast<double>(x), fy = static_cast<double>(y);
      const int id =
          (std::sin(a * fx + phase) > 0 ? 1 : 0) + (std::sin(b * fy + 0.04 * fx) > 0 ? 2 : 0);
      sample.labels.at(x, y) = static_cast<std::uint8_t>(id);
      const Rgb colour = kColours[static_cast<std::size_t>(id)];
      std::uint8_t* to = sample.image.at(x, y);
      to[0] = colour.r, to[1] = colour.g, to[2] = colour.b;
    }
  }
  return sample;
}

inline AugmentOptions fixed_scale(std::int64_t crop, double scale) {
  return {.crop = crop, .shorter_side = 0, .scale_min = scale, .scale_max = scale, .mirror = 0};
}

}  // namespace parsimony::data::testing
