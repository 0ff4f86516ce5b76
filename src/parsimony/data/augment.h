// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parsimony/core/fields.h"
#include "parsimony/core/rng.h"
#include "parsimony/data/image.h"

namespace parsimony::data {

// Training augmentation of the cell search (Nekrasov et al. 2019; numbers from its reference code):
// scale, mirror, crop; picture and all labels only together. Colours are left alone unless asked
// for.
struct AugmentOptions {
  std::int64_t crop = 256;          // side of the square crop, pixels
  std::int64_t shorter_side = 300;  // after scaling the shorter side is at least this, pixels
  double scale_min = 0.7;
  double scale_max = 1.4;
  double mirror = 0.5;  // probability of a horizontal flip
  double colour = 0;    // brightness, contrast and saturation times U(1 - colour, 1 + colour) each
  void visit(core::FieldVisitor& v);
  bool operator==(const AugmentOptions&) const = default;
};

// Where a square crop lies: pixel (x, y) of the scaled picture is its first, or, when mirrored, the
// last of its first row. It may reach beyond the picture.
struct Crop {
  std::int64_t scaled_width = 0, scaled_height = 0;
  std::int64_t x = 0, y = 0;
  std::int64_t side = 0;
  bool mirrored = false;
  bool operator==(const Crop&) const = default;
};

// The crop that `augment` with the same arguments takes.
Crop random_crop(const Sample& sample, const AugmentOptions& options, core::Rng& rng);

// What transformations do to labels other than classes, here and in central_view:
// - Joints move with the picture, pixel centres aligned as in resampling; a mirror swaps the joints
//   of the sample's joint pairs. Joints that leave the crop stay labelled, outside of it. Head size
//   and area grow with the picture.
// - Depth is resampled nearest, since a blend of two surfaces lies on neither; padding has none. A
//   picture enlarged by s looks like one taken from 1 / s of the distance with the same camera, so
//   depths are divided by s (Eigen, Puhrsch & Fergus, NIPS 2014, section 3.4). s is the geometric
//   mean of both axes, which rounding to whole pixels makes differ a little.

// One augmented crop of exactly crop x crop. scale s ~ U(min, max), raised so that the shorter side
// reaches shorter_side; image bicubic, labels nearest; mirror; random crop. A picture still smaller
// than the crop is padded with the mean colour and kIgnore. Mirroring swaps the ids of the sample's
// mirror pairs, so that the left eye of a mirrored portrait is its left eye. With `colour`, the
// picture, not its padding, is made brighter or darker, its contrast about its mean grey stronger
// or weaker, and its colours more or less vivid. Depends on `rng` only.
Sample augment(const Sample& sample, const AugmentOptions& options, core::Rng rng);

// Validation view: upscaled so that the shorter side is at least `shorter_side` (never downscaled;
// 0 leaves the size alone), then the central crop of at most `crop` x `crop` (0: no crop).
Sample central_view(const Sample& sample, std::int64_t shorter_side, std::int64_t crop);

// Where a whole picture lies in a frame of another shape: scaled as far as it fits, in the middle.
struct Placement {
  std::int64_t left = 0, top = 0;      // of the scaled picture, in pixels of the frame
  std::int64_t width = 0, height = 0;  // of the scaled picture
  bool operator==(const Placement&) const = default;
};
Placement placed(std::int64_t picture_width,
                 std::int64_t picture_height,
                 std::int64_t frame_width,
                 std::int64_t frame_height);

// That picture with all its labels, padded like a crop. It is the same view in another resolution:
// depths stay as they are.
Sample fitted(const Sample& sample, std::int64_t frame_width, std::int64_t frame_height);

// Pixel-centre aligned resampling; bicubic (a = -0.5, antialiased when shrinking) for pictures and
// nearest for labels and depth, whose values stay as they are: the same view in another resolution.
Image resize_bicubic(const Image& image, std::int64_t width, std::int64_t height);
LabelMap resize_nearest(const LabelMap& labels, std::int64_t width, std::int64_t height);
DepthMap resize_nearest(const DepthMap& depth, std::int64_t width, std::int64_t height);

}  // namespace parsimony::data
