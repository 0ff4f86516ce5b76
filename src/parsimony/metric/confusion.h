// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/data/dataset.h"
#include "parsimony/objective/objective.h"

namespace parsimony::metric {

// Counts of (true class, predicted class) pairs over a whole data set. Pixels whose label is not a
// class (255, "ignore") are left out.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int classes);
  void add(const std::uint8_t* labels, const std::uint8_t* predictions, std::int64_t pixels);
  void add(const ConfusionMatrix& other);
  void set(int truth, int prediction, std::int64_t count);

  int classes() const { return classes_; }
  std::int64_t count(int truth, int prediction) const;
  std::int64_t labelled(int c) const;   // pixels of class c in the ground truth
  std::int64_t predicted(int c) const;  // pixels predicted as c
  std::int64_t total() const;

  // |truth and prediction| / |truth or prediction|; nullopt when the class occurs in neither.
  std::optional<double> iou(int c) const;
  // Share of the class's pixels that are predicted as it; nullopt when it is absent.
  std::optional<double> accuracy(int c) const;
  // F1 of some classes taken as one: 2 |truth and prediction| / (|truth| + |prediction|), where
  // confusions within the group count as right, as face parsing reports eyes, brows and mouths
  // (Lyu et al.'s evaluation code). nullopt when none of them occurs in either.
  std::optional<double> f1(const std::vector<int>& group) const;

 private:
  int classes_;
  std::vector<std::int64_t> counts_;  // [truth, prediction]
};

// The usual figures of a data set. Classes without a single labelled pixel are excluded from the
// means, whether predicted or not.
struct Quality {
  double miou = 0;            // mean IoU
  double mean_accuracy = 0;   // mean of the per-class accuracies
  double pixel_accuracy = 0;  // correct share of all labelled pixels
  double fwiou = 0;           // IoU weighted by the class's labelled pixels
  // Mean IoU without class 0, the background: of two classes the foreground's IoU, which portrait
  // papers call mIoU as well (spec rl-cell-search 8.7).
  double foreground_iou = 0;
};
Quality quality(const ConfusionMatrix& matrix);

// What becomes of classes that are absent from the ground truth, in the reward. kExcluded leaves
// them out; the others reproduce the two states of the reference code (spec rl-cell-search, section
// 5): kCvpr counts their accuracy as 1 and drops every class whose IoU is exactly 1 or undefined,
// kHead counts their accuracy as 2.
enum class AbsentClasses { kExcluded, kCvpr, kHead };
inline constexpr std::array<std::string_view, 3> kAbsentClassesNames = {"excluded", "cvpr", "head"};

struct RewardOptions {
  AbsentClasses absent = AbsentClasses::kExcluded;
  std::vector<std::int64_t> omit;  // class ids that do not count; [0] leaves the background out
  void visit(core::FieldVisitor& v);
};

// The reward of the cell search and its three factors: the geometric mean of mean IoU, mean
// accuracy and frequency-weighted IoU over the classes that count (Nekrasov et al., CVPR 2019).
struct Reward {
  double value = 0, miou = 0, mean_accuracy = 0, fwiou = 0;
};
Reward reward(const ConfusionMatrix& matrix, const RewardOptions& options);

// What a matrix is turned into.
struct Scoring {
  RewardOptions reward;
  std::vector<data::ClassGroup> groups = {};  // whose F1 is wanted
};

// "reward", "miou", "foreground_iou", "mean_accuracy", "pixel_accuracy", "fwiou"; "f1", the mean F1
// of the classes that count in the reward and have labelled pixels (System B took left and right
// eyes and brows, spec rl-cell-search 8.2); and "f1.NAME" of every group that occurs.
objective::Scores scores(const ConfusionMatrix& matrix, const Scoring& scoring);

}  // namespace parsimony::metric
