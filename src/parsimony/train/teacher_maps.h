// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/network/network.h"
#include "parsimony/task/task.h"
#include "parsimony/train/images.h"

namespace parsimony::train {

// A teacher's outputs for whole training pictures, computed once and cut along with their crops: a
// training then costs no more for having a teacher, and the teacher sees all of a picture.
class TeacherMaps {
 public:
  // Empty when the stop flag was set meanwhile.
  TeacherMaps(network::Network& teacher,
              const task::Task& task,
              const std::vector<data::Sample>& samples,
              const core::Context& context,
              const std::string& name);

  bool complete() const { return complete_; }

  struct Targets {
    Tensor outputs;  // [N, channels, height, width]
    Tensor inside;   // [N, 1, height, width]: 1 within the picture, 0 in a crop's padding
  };
  // What the teacher says of a batch of these samples, on a grid of that size over each crop;
  // between the points of its own grid bilinear. Mirroring swaps what the task says
  // changes sides.
  Targets cut(const Batch& batch, std::int64_t height, std::int64_t width) const;

  // Memory of the outputs for these pictures, in bytes.
  static double bytes(const std::vector<data::Sample>& samples, int channels);

 private:
  const task::Task& task_;
  const std::vector<data::Sample>& samples_;
  std::vector<Tensor> maps_;  // [1, channels, h, w] fp16 of each sample
  bool complete_ = false;
};

}  // namespace parsimony::train
