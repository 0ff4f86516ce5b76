// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/data/pose.h"

namespace parsimony::data {

// Skeletons of published sets, and what the names of joints say of a skeleton.

// The 14 joints of Leeds Sports Pose and its extension (Johnson & Everingham, BMVC 2010 and CVPR
// 2011), in their order. Sides are the person's.
Skeleton lsp_skeleton();

// The 16 joints of MPII Human Pose (Andriluka et al., CVPR 2014). Pelvis and thorax are not scored.
Skeleton mpii_skeleton();

// Pairs of joints whose names differ in the side only (data/sides.h).
JointPairs joint_pairs_of(const std::vector<std::string>& joints);

// Fills what a skeleton leaves open and the names tell: the torso from left shoulder to right hip,
// the head from the (upper) neck to its top, and, where the joints are COCO's 17 in any order, the
// spreads that COCO published (Lin et al., keypoint evaluation, 2016).
void complete_by_names(Skeleton& skeleton);

}  // namespace parsimony::data
