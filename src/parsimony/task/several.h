// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/task/task.h"

namespace parsimony::task {

// A task that is learned beside others, and what its loss counts.
struct Head {
  std::shared_ptr<const Task> task;
  double weight = 1;
};

// Several tasks over one decoder: the output has the channels of the first, then those of the next.
// A last convolution of so many channels is a head for each of them, since none of its channels
// reads another. The loss is the weighted sum; "reward" is the geometric mean of the tasks'
// rewards, as a candidate that fails in one shall not pass for the others.
class SeveralTasks final : public Task {
 public:
  explicit SeveralTasks(std::vector<Head> heads);

  std::string name() const override;
  data::TargetSet targets() const override;
  int channels() const override;
  Tensor loss(const Tensor& output, const Labels& labels, const Learning& learning) const override;
  Tensor distillation(const Tensor& output,
                      const Tensor& teacher,
                      const DistillationOptions& options,
                      const Tensor& inside) const override;
  Ideal ideal(const Labels& labels, std::int64_t height, std::int64_t width) const override;
  std::vector<std::int64_t> mirrored_channels(const data::Sample& sample) const override;
  void predict(const Tensor& output,
               std::int64_t height,
               std::int64_t width,
               Prediction& into) const override;
  std::unique_ptr<Measurement> measurement(network::Kernels kernels) const override;
  std::string_view deciding() const override { return "reward"; }

 private:
  std::vector<Head> heads_;
};

}  // namespace parsimony::task
