// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/confusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::metric {
namespace {

// Means over classes of which some may not count.
class ClassMeans {
 public:
  void add(double iou, double accuracy, double weight) {
    iou_ += iou;
    accuracy_ += accuracy;
    weighted_iou_ += iou * weight;
    weight_ += weight;
    ++classes_;
  }
  double miou() const { return classes_ > 0 ? iou_ / classes_ : 0; }
  double mean_accuracy() const { return classes_ > 0 ? accuracy_ / classes_ : 0; }
  double fwiou() const { return weight_ > 0 ? weighted_iou_ / weight_ : 0; }

 private:
  double iou_ = 0, accuracy_ = 0, weighted_iou_ = 0, weight_ = 0;
  int classes_ = 0;
};

void add_class(ClassMeans& means, const ConfusionMatrix& matrix, int c, AbsentClasses absent) {
  const std::optional<double> iou = matrix.iou(c);
  const std::optional<double> accuracy = matrix.accuracy(c);
  const auto weight = static_cast<double>(matrix.labelled(c));
  switch (absent) {
    case AbsentClasses::kExcluded:
      if (accuracy) means.add(*iou, *accuracy, weight);
      break;
    case AbsentClasses::kCvpr:
      if (iou && *iou != 1.0) means.add(*iou, accuracy.value_or(1.0), weight);
      break;
    case AbsentClasses::kHead:
      if (iou) means.add(*iou, accuracy.value_or(2.0), weight);
      break;
  }
}

bool is_omitted(int c, const RewardOptions& options) {
  return std::find(options.omit.begin(), options.omit.end(), c) != options.omit.end();
}

double mean_f1(const ConfusionMatrix& matrix, const RewardOptions& options) {
  double sum = 0;
  int classes = 0;
  for (int c = 0; c < matrix.classes(); ++c) {
    if (is_omitted(c, options) || matrix.labelled(c) == 0) continue;
    sum += matrix.f1({c}).value();
    ++classes;
  }
  return classes == 0 ? 0 : sum / classes;
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(int classes)
    : classes_(classes),
      counts_(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes), 0) {
  core::require(
      classes > 0 && classes < 256, "a confusion matrix needs 1 to 255 classes, got {}", classes);
}

void ConfusionMatrix::add(const std::uint8_t* labels,
                          const std::uint8_t* predictions,
                          std::int64_t pixels) {
  for (std::int64_t i = 0; i < pixels; ++i) {
    if (labels[i] >= classes_) continue;
    core::require(predictions[i] < classes_,
                  "prediction {} is not one of {} classes",
                  predictions[i],
                  classes_);
    ++counts_[static_cast<std::size_t>(labels[i] * classes_ + predictions[i])];
  }
}

void ConfusionMatrix::add(const ConfusionMatrix& other) {
  core::require(other.classes_ == classes_,
                "confusion matrices of {} and {} classes",
                classes_,
                other.classes_);
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

void ConfusionMatrix::set(int truth, int prediction, std::int64_t count) {
  counts_.at(static_cast<std::size_t>(truth * classes_ + prediction)) = count;
}

std::int64_t ConfusionMatrix::count(int truth, int prediction) const {
  return counts_.at(static_cast<std::size_t>(truth * classes_ + prediction));
}

std::int64_t ConfusionMatrix::labelled(int c) const {
  std::int64_t sum = 0;
  for (int p = 0; p < classes_; ++p) sum += count(c, p);
  return sum;
}

std::int64_t ConfusionMatrix::predicted(int c) const {
  std::int64_t sum = 0;
  for (int t = 0; t < classes_; ++t) sum += count(t, c);
  return sum;
}

std::int64_t ConfusionMatrix::total() const {
  std::int64_t sum = 0;
  for (const std::int64_t n : counts_) sum += n;
  return sum;
}

std::optional<double> ConfusionMatrix::iou(int c) const {
  const std::int64_t either = labelled(c) + predicted(c) - count(c, c);
  if (either == 0) return std::nullopt;
  return static_cast<double>(count(c, c)) / static_cast<double>(either);
}

std::optional<double> ConfusionMatrix::accuracy(int c) const {
  const std::int64_t pixels = labelled(c);
  if (pixels == 0) return std::nullopt;
  return static_cast<double>(count(c, c)) / static_cast<double>(pixels);
}

std::optional<double> ConfusionMatrix::f1(const std::vector<int>& group) const {
  std::int64_t either = 0;
  std::int64_t both = 0;
  for (const int truth : group) {
    either += labelled(truth) + predicted(truth);
    for (const int prediction : group) both += count(truth, prediction);
  }
  if (either == 0) return std::nullopt;
  return 2 * static_cast<double>(both) / static_cast<double>(either);
}

Quality quality(const ConfusionMatrix& matrix) {
  ClassMeans means, foreground;
  std::int64_t correct = 0;
  for (int c = 0; c < matrix.classes(); ++c) {
    add_class(means, matrix, c, AbsentClasses::kExcluded);
    if (c > 0) add_class(foreground, matrix, c, AbsentClasses::kExcluded);
    correct += matrix.count(c, c);
  }
  const auto total = static_cast<double>(std::max<std::int64_t>(1, matrix.total()));
  return {means.miou(),
          means.mean_accuracy(),
          static_cast<double>(correct) / total,
          means.fwiou(),
          foreground.miou()};
}

void RewardOptions::visit(core::FieldVisitor& v) {
  v.choice(
      "absent",
      absent,
      kAbsentClassesNames,
      {"classes without ground truth: excluded, or as in one of the two states of the reference code"});
  v.field(
      "omit",
      omit,
      {"class ids that do not count in the reward, for example [0] for the background", 0, 254});
}

Reward reward(const ConfusionMatrix& matrix, const RewardOptions& options) {
  ClassMeans means;
  for (int c = 0; c < matrix.classes(); ++c) {
    // The CVPR state hard-codes the background's omission.
    if (is_omitted(c, options) || (options.absent == AbsentClasses::kCvpr && c == 0)) continue;
    add_class(means, matrix, c, options.absent);
  }
  const double product = means.miou() * means.mean_accuracy() * means.fwiou();
  return {std::cbrt(product), means.miou(), means.mean_accuracy(), means.fwiou()};
}

objective::Scores scores(const ConfusionMatrix& matrix, const Scoring& scoring) {
  const Quality q = quality(matrix);
  objective::Scores scores = {{"reward", reward(matrix, scoring.reward).value},
                              {"miou", q.miou},
                              {"foreground_iou", q.foreground_iou},
                              {"mean_accuracy", q.mean_accuracy},
                              {"pixel_accuracy", q.pixel_accuracy},
                              {"fwiou", q.fwiou},
                              {"f1", mean_f1(matrix, scoring.reward)}};
  for (const data::ClassGroup& group : scoring.groups) {
    if (const std::optional<double> f1 = matrix.f1(group.classes))
      scores[fmt::format("{}{}", objective::kF1Of, group.name)] = *f1;
  }
  return scores;
}

}  // namespace parsimony::metric
