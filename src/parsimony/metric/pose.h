// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "parsimony/data/pose.h"

namespace parsimony::metric {

// A joint as a network found it, in pixels of the labels' picture.
struct FoundJoint {
  double x = 0;
  double y = 0;
  double confidence = 0;  // the heat map's value there
};

// What a distance is compared with.
enum class PoseScale {
  kTorso,  // left shoulder to right hip (Sapp & Taskar, CVPR 2013; LSP's person-centric PCK)
  kHead,   // head size of the label, or else neck to head top (PCKh; Andriluka et al., CVPR 2014)
};

// How far found joints are from labelled ones, over a data set of one person a picture.
class PoseErrors {
 public:
  explicit PoseErrors(data::Skeleton skeleton);

  // `found` has one joint for each of the skeleton's.
  void add(const data::Pose& truth, const std::vector<FoundJoint>& found);

  std::int64_t people() const { return static_cast<std::int64_t>(people_.size()); }

  // Percentage of correct keypoints, as a share: of the labelled joints that count, those whose
  // distance is at most `tolerance` times the person's scale. People without that scale (a torso of
  // which an end is not labelled, or of length 0) are left out. nullopt when no joint is left.
  std::optional<double> pck(double tolerance, PoseScale scale) const;
  // The same of one joint, whether it counts or not.
  std::optional<double> pck(int joint, double tolerance, PoseScale scale) const;

  // Object keypoint similarity of one person (Lin et al., COCO keypoint evaluation): the mean of
  // exp(-d^2 / (2 area (2 sigma)^2)) over labelled joints. The area is the label's, or else that of
  // the box around the labelled joints. nullopt without spreads, labelled joint or area.
  std::optional<double> similarity(std::int64_t person) const;
  // Average precision at similarities of 0.50 to 0.95 in steps of 0.05, each interpolated at 101
  // recalls as COCO does; with one found person a picture, ranked by mean confidence. nullopt
  // where no person has a similarity.
  std::optional<double> average_precision() const;
  // The same at one similarity.
  std::optional<double> average_precision(double least_similarity) const;

 private:
  struct Person {
    std::vector<std::optional<double>> distances;  // none: not labelled
    std::optional<double> torso, head, area;
    double confidence = 0;
  };
  struct Share {
    std::int64_t correct = 0, joints = 0;
  };
  Share share(int joint, double tolerance, PoseScale scale) const;

  data::Skeleton skeleton_;
  std::vector<Person> people_;
};

}  // namespace parsimony::metric
