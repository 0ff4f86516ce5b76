// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/several.h"

#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::task {
namespace {

// Calls `use` with each head and its channels of `output`.
template <typename Use>
void for_each_part(const std::vector<Head>& heads, const Tensor& output, Use use) {
  std::int64_t first = 0;
  for (const Head& head : heads) {
    const std::int64_t count = head.task->channels();
    use(head, output.narrow(1, first, count));
    first += count;
  }
  core::require(first == output.size(1),
                "an output of {} channels is read as one of {}",
                output.size(1),
                first);
}

class SeveralMeasurements final : public Measurement {
 public:
  SeveralMeasurements(const std::vector<Head>& heads, network::Kernels kernels) : heads_(heads) {
    for (const Head& head : heads) parts_.push_back(head.task->measurement(kernels));
  }

  void add(const Tensor& output, const Labels& labels) override {
    auto part = parts_.begin();
    for_each_part(
        heads_, output, [&](const Head&, const Tensor& own) { (*part++)->add(own, labels); });
  }

  void add(const Prediction& prediction, const data::Sample& truth) override {
    for (const auto& part : parts_) part->add(prediction, truth);
  }

  objective::Scores scores() const override {
    objective::Scores all;
    double product = 1;
    for (const auto& part : parts_) {
      const objective::Scores scores = part->scores();
      product *= scores.at("reward");
      all.insert(scores.begin(), scores.end());
    }
    all["reward"] = std::pow(product, 1.0 / static_cast<double>(parts_.size()));
    return all;
  }

  Details details() const override {
    Details all;
    for (const auto& part : parts_) all.merge(part->details());
    return all;
  }

 private:
  std::vector<Head> heads_;
  std::vector<std::unique_ptr<Measurement>> parts_;
};

}  // namespace

SeveralTasks::SeveralTasks(std::vector<Head> heads) : heads_(std::move(heads)) {
  core::require(!heads_.empty(), "a network for no task was asked for");
}

std::string SeveralTasks::name() const {
  std::vector<std::string> names;
  for (const Head& head : heads_) names.push_back(head.task->name());
  return core::join(names, " and ");
}

data::TargetSet SeveralTasks::targets() const {
  data::TargetSet all;
  for (const Head& head : heads_) {
    for (const data::Target target : data::kTargets) {
      if (head.task->targets().contains(target)) all.insert(target);
    }
  }
  return all;
}

int SeveralTasks::channels() const {
  int sum = 0;
  for (const Head& head : heads_) sum += head.task->channels();
  return sum;
}

Tensor SeveralTasks::loss(const Tensor& output,
                          const Labels& labels,
                          const Learning& learning) const {
  Tensor sum;
  for_each_part(heads_, output, [&](const Head& head, const Tensor& own) {
    const Tensor loss = head.weight * head.task->loss(own, labels, learning);
    sum = sum.defined() ? sum + loss : loss;
  });
  return sum;
}

Tensor SeveralTasks::distillation(const Tensor& output,
                                  const Tensor& teacher,
                                  const DistillationOptions& options,
                                  const Tensor& inside) const {
  Tensor sum;
  std::int64_t first = 0;
  for_each_part(heads_, output, [&](const Head& head, const Tensor& own) {
    const Tensor of_teacher = teacher.narrow(1, first, own.size(1));
    first += own.size(1);
    const Tensor loss = head.weight * head.task->distillation(own, of_teacher, options, inside);
    sum = sum.defined() ? sum + loss : loss;
  });
  return sum;
}

Ideal SeveralTasks::ideal(const Labels& labels, std::int64_t height, std::int64_t width) const {
  std::vector<Tensor> outputs, counts;
  for (const Head& head : heads_) {
    const Ideal own = head.task->ideal(labels, height, width);
    outputs.push_back(own.output);
    counts.push_back(own.counts);
  }
  return {.output = at::cat(outputs, 1), .counts = at::cat(counts, 1)};
}

std::vector<std::int64_t> SeveralTasks::mirrored_channels(const data::Sample& sample) const {
  std::vector<std::int64_t> all;
  for (const Head& head : heads_) {
    const std::int64_t first = std::ssize(all);
    for (const std::int64_t channel : head.task->mirrored_channels(sample))
      all.push_back(first + channel);
  }
  return all;
}

void SeveralTasks::predict(const Tensor& output,
                           std::int64_t height,
                           std::int64_t width,
                           Prediction& into) const {
  for_each_part(heads_, output, [&](const Head& head, const Tensor& own) {
    head.task->predict(own, height, width, into);
  });
}

std::unique_ptr<Measurement> SeveralTasks::measurement(network::Kernels kernels) const {
  return std::make_unique<SeveralMeasurements>(heads_, kernels);
}

}  // namespace parsimony::task
