// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/skeleton.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "parsimony/data/sides.h"

namespace parsimony::data {
namespace {

struct Spread {
  std::string_view joint;
  double sigma;
};

constexpr std::array<Spread, 17> kCocoSpreads = {{{"nose", .026},
                                                  {"left_eye", .025},
                                                  {"right_eye", .025},
                                                  {"left_ear", .035},
                                                  {"right_ear", .035},
                                                  {"left_shoulder", .079},
                                                  {"right_shoulder", .079},
                                                  {"left_elbow", .072},
                                                  {"right_elbow", .072},
                                                  {"left_wrist", .062},
                                                  {"right_wrist", .062},
                                                  {"left_hip", .107},
                                                  {"right_hip", .107},
                                                  {"left_knee", .087},
                                                  {"right_knee", .087},
                                                  {"left_ankle", .089},
                                                  {"right_ankle", .089}}};

std::optional<int> find(const Skeleton& skeleton, std::string_view name) {
  const auto found = std::ranges::find(skeleton.joints, name);
  if (found == skeleton.joints.end()) return std::nullopt;
  return static_cast<int>(found - skeleton.joints.begin());
}

std::optional<std::pair<int, int>> find_both(const Skeleton& skeleton,
                                             std::string_view first,
                                             std::string_view second) {
  const std::optional<int> a = find(skeleton, first), b = find(skeleton, second);
  if (!a || !b) return std::nullopt;
  return std::pair(*a, *b);
}

std::vector<double> coco_spreads(const Skeleton& skeleton) {
  std::vector<double> spreads(skeleton.joints.size());
  if (spreads.size() != kCocoSpreads.size()) return {};
  for (const Spread& spread : kCocoSpreads) {
    const std::optional<int> joint = find(skeleton, spread.joint);
    if (!joint) return {};
    spreads[static_cast<std::size_t>(*joint)] = spread.sigma;
  }
  return spreads;
}

}  // namespace

Skeleton lsp_skeleton() {
  Skeleton skeleton;
  skeleton.joints = {"right_ankle",
                     "right_knee",
                     "right_hip",
                     "left_hip",
                     "left_knee",
                     "left_ankle",
                     "right_wrist",
                     "right_elbow",
                     "right_shoulder",
                     "left_shoulder",
                     "left_elbow",
                     "left_wrist",
                     "neck",
                     "head_top"};
  skeleton.bones = {{0, 1},
                    {1, 2},
                    {3, 4},
                    {4, 5},
                    {6, 7},
                    {7, 8},
                    {9, 10},
                    {10, 11},
                    {12, 13},
                    {2, 8},
                    {3, 9},
                    {2, 3},
                    {8, 12},
                    {9, 12}};
  skeleton.mirror_pairs = {{0, 5}, {1, 4}, {2, 3}, {6, 11}, {7, 10}, {8, 9}};
  complete_by_names(skeleton);
  return skeleton;
}

Skeleton mpii_skeleton() {
  Skeleton skeleton;
  skeleton.joints = {"right_ankle",
                     "right_knee",
                     "right_hip",
                     "left_hip",
                     "left_knee",
                     "left_ankle",
                     "pelvis",
                     "thorax",
                     "upper_neck",
                     "head_top",
                     "right_wrist",
                     "right_elbow",
                     "right_shoulder",
                     "left_shoulder",
                     "left_elbow",
                     "left_wrist"};
  skeleton.bones = {{0, 1},
                    {1, 2},
                    {2, 6},
                    {3, 6},
                    {3, 4},
                    {4, 5},
                    {6, 7},
                    {7, 8},
                    {8, 9},
                    {10, 11},
                    {11, 12},
                    {12, 7},
                    {13, 7},
                    {13, 14},
                    {14, 15}};
  skeleton.mirror_pairs = {{0, 5}, {1, 4}, {2, 3}, {10, 15}, {11, 14}, {12, 13}};
  skeleton.unscored = {6, 7};
  complete_by_names(skeleton);
  return skeleton;
}

JointPairs joint_pairs_of(const std::vector<std::string>& joints) {
  JointPairs pairs;
  for (const auto& [left, right] : mirror_pairs_of(joints)) pairs.emplace_back(left, right);
  return pairs;
}

void complete_by_names(Skeleton& skeleton) {
  if (!skeleton.torso) skeleton.torso = find_both(skeleton, "left_shoulder", "right_hip");
  if (!skeleton.head) skeleton.head = find_both(skeleton, "neck", "head_top");
  if (!skeleton.head) skeleton.head = find_both(skeleton, "upper_neck", "head_top");
  if (skeleton.spreads.empty()) skeleton.spreads = coco_spreads(skeleton);
}

}  // namespace parsimony::data
