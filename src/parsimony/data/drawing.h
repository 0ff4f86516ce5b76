// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/data/image.h"
#include "parsimony/data/pose.h"

namespace parsimony::data {

// Labels and predictions as pictures for people to look at: classes in their colours, poses as
// stick figures.

// A class map painted with the classes' colours, ids beyond the palette (kIgnore usually is) white;
// `opacity` < 1 lets the picture through, which is of the map's size.
Image painted(const LabelMap& labels,
              const Image& picture,
              const std::vector<Rgb>& palette,
              double opacity);

// The picture with a person drawn over it: bones as lines, visible joints as discs, hidden ones as
// rings. Joints without a label or a finite position and their bones are left out, and what lies
// outside of the picture is cut off. The person's left is orange and the right blue, by the joints'
// names (data/sides.h), all else white: colours of M. Okabe and K. Ito that colour-blind people
// tell apart ("Color Universal Design", https://jfly.uni-koeln.de/color, 2008). The pose has the
// skeleton's joints, or none.
Image with_pose(const Image& picture, const Pose& pose, const Skeleton& skeleton);

}  // namespace parsimony::data
