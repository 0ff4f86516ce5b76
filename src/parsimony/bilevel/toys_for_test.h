// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "parsimony/bilevel/pictures.h"
#include "parsimony/core/rng.h"
#include "parsimony/data/image.h"

// Pictures of which it is known what a search has to find, made in code.
namespace parsimony::bilevel::testing {

inline constexpr std::int64_t kToyCell = 4;  // pixels: one of the finest maps of a grid

inline void paint(data::Sample& sample,
                  std::int64_t x,
                  std::int64_t y,
                  std::int64_t side,
                  const data::Rgb& colour) {
  for (std::int64_t v = y; v < y + side; ++v) {
    for (std::int64_t u = x; u < x + side; ++u) {
      std::uint8_t* pixel = sample.image.at(u, v);
      pixel[0] = colour.r;
      pixel[1] = colour.g;
      pixel[2] = colour.b;
    }
  }
}

// A pixel's class is whether there is a mark `distance` cells to its left, and nothing else tells
// it: marks lie in every other cell at random. Where that cell is outside, pixels have no class.
// With a distance of 4 the stem and its neighbours do not reach so far, pools and skip connections
// cannot tell left from right, and a convolution that reaches 4 does it at once.
inline data::Sample far_marks(std::int64_t cells, std::int64_t distance, core::Rng rng) {
  data::Sample sample{
      .image = data::Image(cells * kToyCell, cells * kToyCell),
      .labels = data::LabelMap(cells * kToyCell, cells * kToyCell, data::LabelMap::kIgnore)};
  for (std::int64_t y = 0; y < cells; ++y) {
    for (std::int64_t x = 0; x < cells; ++x) {
      const bool mark = rng.below(2) == 1;
      const auto grey = static_cast<std::uint8_t>(mark ? 220 : 40);
      paint(sample, x * kToyCell, y * kToyCell, kToyCell, {grey, grey, grey});
      if (x + distance >= cells) continue;
      for (std::int64_t v = 0; v < kToyCell; ++v) {
        for (std::int64_t u = 0; u < kToyCell; ++u)
          sample.labels.at((x + distance) * kToyCell + u, y * kToyCell + v) = mark ? 1 : 0;
      }
    }
  }
  return sample;
}

// The same with a share of the cells' labels turned round at random: beyond their rule there is
// nothing to learn but the pictures themselves.
inline data::Sample doubtful_far_marks(std::int64_t cells,
                                       std::int64_t distance,
                                       double share,
                                       core::Rng rng) {
  data::Sample sample = far_marks(cells, distance, rng);
  core::Rng turned = rng.split("turned");
  for (std::int64_t y = 0; y < cells; ++y) {
    for (std::int64_t x = distance; x < cells; ++x) {
      if (turned.uniform() >= share) continue;
      for (std::int64_t v = 0; v < kToyCell; ++v) {
        for (std::int64_t u = 0; u < kToyCell; ++u) {
          std::uint8_t& label = sample.labels.at(x * kToyCell + u, y * kToyCell + v);
          label = static_cast<std::uint8_t>(1 - label);
        }
      }
    }
  }
  return sample;
}

// Two things to tell in a picture. Objects of one cell need the finest map: of bright and dark
// halves, class 2 has the bright one above and class 3 below. The class of the background, 0 or 1,
// is that of the picture's whole texture: of a lamp that is somewhere at one of its borders, which
// all its pixels have to know of. Each can be left out.
inline data::Sample rooms(std::int64_t side, bool objects, bool lamp, core::Rng rng) {
  data::Sample sample{.image = data::Image(side, side), .labels = data::LabelMap(side, side, 0)};
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      const auto grey = static_cast<std::uint8_t>(100 + rng.below(40));
      paint(sample, x, y, 1, {grey, grey, grey});
    }
  }
  const std::uint8_t background = lamp && rng.below(2) == 1 ? 1 : 0;
  sample.labels = data::LabelMap(side, side, background);
  if (lamp) {
    const auto place = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(side / 16)));
    const bool above = rng.below(2) == 1;
    paint(sample,
          place * 16,
          above ? 0 : side - 16,
          16,
          background == 1 ? data::Rgb{220, 60, 60} : data::Rgb{60, 60, 220});
  }
  constexpr std::int64_t kSide = 2 * kToyCell;
  for (int i = 0; objects && i < side / 8; ++i) {
    const auto at = [&] {
      return kToyCell * static_cast<std::int64_t>(
                            rng.below(static_cast<std::uint64_t>((side - kSide) / kToyCell + 1)));
    };
    const std::int64_t x = at(), y = at();
    const bool bright_above = rng.below(2) == 1;
    for (std::int64_t v = 0; v < kSide; ++v) {
      const auto grey = static_cast<std::uint8_t>((v < kToyCell) == bright_above ? 250 : 10);
      for (std::int64_t u = 0; u < kSide; ++u) {
        paint(sample, x + u, y + v, 1, {grey, grey, grey});
        sample.labels.at(x + u, y + v) = bright_above ? 2 : 3;
      }
    }
  }
  return sample;
}

}  // namespace parsimony::bilevel::testing
