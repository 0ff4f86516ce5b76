// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <vector>

#include "parsimony/data/depth_map.h"
#include "parsimony/data/image.h"
#include "parsimony/data/pose.h"

namespace parsimony::data {

// Labels and predictions as pictures for people to look at: classes in their colours, depth with a
// scale in metres, poses as stick figures.
//
//   const DepthRange range = depth_range({&truth});  // one scale for all that is compared with it
//   write_png(file, with_depth_scale(depth_colours(predicted, range), range));

// A class map painted with the classes' colours, ids beyond the palette (kIgnore usually is) white;
// `opacity` < 1 lets the picture through, which is of the map's size.
Image painted(const LabelMap& labels,
              const Image& picture,
              const std::vector<Rgb>& palette,
              double opacity);

// What the ends of a colour scale stand for, in metres: 0 <= nearest < farthest.
struct DepthRange {
  double nearest = 0;
  double farthest = 1;
  bool operator==(const DepthRange&) const = default;
};

// The range of all valid (finite and positive) depths in the maps, widened to multiples of a round
// step (1, 2 or 5 times a power of ten) that is a small part of it; the default where no depth is
// valid. Maps whose pictures are compared belong into one call.
DepthRange depth_range(std::initializer_list<const DepthMap*> maps);

// One colour a pixel, from bright yellow at `nearest` over red and violet to dark blue at
// `farthest`, ever darker; depths outside of the range have the colours of its ends. Invalid pixels
// are gray, which no depth is. The colours approximate "plasma" by S. van der Walt and N. Smith
// (https://bids.github.io/colormap, CC0): equal steps in depth look about equal, in gray and to
// colour-blind people too.
Image depth_colours(const DepthMap& depth, const DepthRange& range);

// The picture with a strip below it that shows which colour of depth_colours is how many metres.
// Values are round, as many as have room; the type grows with the picture's shorter side. Needs two
// columns at least; below 64 few texts have room.
Image with_depth_scale(const Image& colours, const DepthRange& range);

// The picture with a person drawn over it: bones as lines, visible joints as discs, hidden ones as
// rings. Joints without a label or a finite position and their bones are left out, and what lies
// outside of the picture is cut off. The person's left is orange and the right blue, by the joints'
// names (data/sides.h), all else white: colours of M. Okabe and K. Ito that colour-blind people
// tell apart ("Color Universal Design", https://jfly.uni-koeln.de/color, 2008). The pose has the
// skeleton's joints, or none.
Image with_pose(const Image& picture, const Pose& pose, const Skeleton& skeleton);

}  // namespace parsimony::data
