// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/data/image.h"
#include "parsimony/data/target.h"
#include "parsimony/metric/pose.h"
#include "parsimony/objective/objective.h"
#include "parsimony/task/labels.h"
#include "parsimony/task/learning.h"

// What dense prediction is for. Graphs, searches and studies do not know it: to them a network ends
// in a map of so many channels and is judged by named scores.
namespace parsimony::task {

// What a network says of one picture, at the picture's size; each task fills in its part.
struct Prediction {
  data::LabelMap classes;
  data::DepthMap depth;
  std::vector<metric::FoundJoint> joints;
};

// Figures of single classes or joints: "iou" and "f1" by class, "pck_of_joints" by joint. nullopt
// for one that does not occur.
using Details = std::map<std::string, std::vector<std::optional<double>>>;

// Takes in, batch by batch or picture by picture, what a network says of a split.
class Measurement {
 public:
  virtual ~Measurement() = default;
  // `output` [N, channels, h, w]; labels of any size, which the output is brought to.
  virtual void add(const Tensor& output, const Labels& labels) = 0;
  virtual void add(const Prediction& prediction, const data::Sample& truth) = 0;
  // Named figures of all that was added; among them "reward", in 0..1, which a search maximises.
  // A user error where the labels allow none: all depths invalid, no joint labelled.
  virtual objective::Scores scores() const = 0;
  virtual Details details() const = 0;
};

// The output that labels ask for, and how much each of its numbers counts: 0 where nothing is
// labelled. Both [N, channels, h, w].
struct Ideal {
  Tensor output, counts;
};

// What a network's output means, how it is learned and how it is judged. Immutable; shared by all
// trainings of a study, from several threads.
class Task {
 public:
  virtual ~Task() = default;
  virtual std::string name() const = 0;  // "segmentation"; "depth and segmentation"
  // The labels that it reads.
  virtual data::TargetSet targets() const = 0;
  // Of a network's output.
  virtual int channels() const = 0;

  // What training minimises, a scalar; differentiable in `output` [N, channels, h, w]. Labels that
  // say nothing (all pixels ignored, no joint labelled) make it zero. Labels may be on another
  // device.
  virtual Tensor loss(const Tensor& output,
                      const Labels& labels,
                      const Learning& learning) const = 0;
  // task::distillation() of this kind of output; by squared differences where a task does not say
  // otherwise.
  virtual Tensor distillation(const Tensor& output,
                              const Tensor& teacher,
                              const DistillationOptions& options,
                              const Tensor& inside = {}) const;
  // On a grid of that size, whatever the size of the labels.
  virtual Ideal ideal(const Labels& labels, std::int64_t height, std::int64_t width) const = 0;
  // Channel i of a mirrored picture's output is channel result[i] of the picture's: left and right
  // eye. `sample` says which pairs change sides.
  virtual std::vector<std::int64_t> mirrored_channels(const data::Sample& sample) const = 0;

  // `output` [1, channels, h, w] for a picture of that size.
  virtual void predict(const Tensor& output,
                       std::int64_t height,
                       std::int64_t width,
                       Prediction& into) const = 0;
  virtual std::unique_ptr<Measurement> measurement(network::Kernels kernels) const = 0;
  // The score by which validations of one training are compared, in 0..1, the more the better.
  virtual std::string_view deciding() const = 0;
};

// A value of the task's deciding score, for people: "mIoU 61.3 %", "reward 0.613".
std::string quality_text(const Task& task, double quality);

}  // namespace parsimony::task
