// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/data/pose.h"
#include "parsimony/task/task.h"

namespace parsimony::task {

struct PoseOptions {
  // Standard deviation of a joint's Gaussian in its heat map, as a share of the picture's shorter
  // side. The usual 2 cells of a map of 64 (Xiao, Wu & Wei, ECCV 2018, section 2).
  double spread = 2.0 / 64;
  double tolerance = 0.2;  // of the score "pck", in torsos
  void visit(core::FieldVisitor& v);
};

// Where the joints of the one person in the picture are: one channel a joint, whose values are a
// heat map, a Gaussian of height 1 about the joint.
//
// The loss is the squared error of the maps of labelled joints, covered ones included, divided by
// what empty maps would have: a network that says nothing has 1, whatever the spread and the grid,
// as long as its cells are no larger than the spread. A labelled joint outside the picture wants an
// empty map.
//
// A joint is found where its map is largest, a quarter of a cell shifted towards the larger
// neighbour in each direction (Newell, Yang & Deng, ECCV 2016).
//
// Scores: "pck", the share of joints found within `tolerance` torsos; "pckh", within half a head;
// "oks_ap", where the skeleton has spreads (metric/pose.h). "reward" is the mean of the shares
// within 0.05, 0.1, ... 0.5 torsos (of a skeleton without torso: heads): it tells poor networks
// apart better than a share at one tolerance. Our choice; the search of Nekrasov et al. was
// rewarded for segmentation only.
class PoseEstimation final : public Task {
 public:
  PoseEstimation(data::Skeleton skeleton, const PoseOptions& options);

  std::string name() const override { return "pose"; }
  data::TargetSet targets() const override { return {data::Target::kPose}; }
  int channels() const override { return static_cast<int>(skeleton_.joints.size()); }
  Tensor loss(const Tensor& output, const Labels& labels, const Learning& learning) const override;
  Ideal ideal(const Labels& labels, std::int64_t height, std::int64_t width) const override;
  std::vector<std::int64_t> mirrored_channels(const data::Sample& sample) const override;
  void predict(const Tensor& output,
               std::int64_t height,
               std::int64_t width,
               Prediction& into) const override;
  std::unique_ptr<Measurement> measurement(network::Kernels kernels) const override;
  std::string_view deciding() const override { return "reward"; }

 private:
  data::Skeleton skeleton_;
  PoseOptions options_;
};

// What a network should say of these labels, on a grid of that size: [N, J, h, w], and how much
// each map counts, [N, J]: 1 where the joint is labelled.
struct HeatMaps {
  Tensor maps, counts;
  double energy = 0;  // the sum of squares of a whole Gaussian on this grid
};
HeatMaps heat_maps(const Labels& labels, std::int64_t height, std::int64_t width, double spread);

// Joints of one picture's maps [J, h, w] in pixels of a picture of that size.
std::vector<metric::FoundJoint> found_joints(const Tensor& maps,
                                             std::int64_t height,
                                             std::int64_t width);

}  // namespace parsimony::task
