// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parsimony::data {

// What a label says of a joint; the numbers are COCO's.
enum class Visibility : std::uint8_t {
  kAbsent = 0,  // not labelled: it takes part in neither loss nor metric
  kHidden = 1,  // labelled, but covered by something
  kVisible = 2,
};

// A joint in pixels of its picture, x to the right, y down; (0, 0) is the centre of the first
// pixel. It may lie outside the picture: labels of cut-off people do.
struct Joint {
  float x = 0;
  float y = 0;
  Visibility visibility = Visibility::kAbsent;
  bool operator==(const Joint&) const = default;
};

// Pairs of joints, by their numbers.
using JointPairs = std::vector<std::pair<int, int>>;

// One person, whose joints come in the order of the data set's skeleton.
struct Pose {
  std::vector<Joint> joints;
  // What distances are measured by, where the labels say it: the head's size (MPII: 0.6 times the
  // diagonal of the head's box), in pixels, and the person's area (COCO: of the segment), in
  // pixels^2. 0: not given.
  double head_size = 0;
  double area = 0;
  bool operator==(const Pose&) const = default;
};

// What the joints of a data set are.
struct Skeleton {
  std::vector<std::string> joints;  // names; the index is the joint's number
  JointPairs bones;                 // joints with a line between them, for pictures
  // Joints that change sides in a mirrored picture: left ankle and right ankle.
  JointPairs mirror_pairs;
  // Ends of the torso (left shoulder, right hip) and of the head (neck, head top), where the
  // skeleton has them.
  std::optional<std::pair<int, int>> torso;
  std::optional<std::pair<int, int>> head;
  // Spreads of the joints' labels for object keypoint similarity, sigma_i in COCO's notation, one
  // per joint; empty: unknown.
  std::vector<double> spreads;
  // Joints that are labelled but not scored: pelvis and thorax in MPII's evaluation.
  std::vector<int> unscored;
  bool operator==(const Skeleton&) const = default;
};

}  // namespace parsimony::data
