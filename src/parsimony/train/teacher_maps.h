// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/network/network.h"
#include "parsimony/train/images.h"

namespace parsimony::train {

// A teacher's logits of whole training pictures, computed once and cut along with their crops: a
// training then costs no more for having a teacher, and the teacher sees all of a picture.
class TeacherMaps {
 public:
  // Empty when the stop flag was set meanwhile.
  TeacherMaps(network::Network& teacher,
              const std::vector<data::Sample>& samples,
              const core::Context& context,
              const std::string& task);

  bool complete() const { return complete_; }

  struct Targets {
    Tensor logits;  // [N, classes, height, width]
    Tensor inside;  // [N, 1, height, width]: 1 within the picture, 0 in a crop's padding
  };
  // What the teacher says of a batch of these samples, on a grid of that size over each crop;
  // between the points of its own grid bilinear. Mirroring swaps the sample's mirror pairs.
  Targets cut(const Batch& batch, std::int64_t height, std::int64_t width) const;

  // Memory of the logits of these pictures, in bytes.
  static double bytes(const std::vector<data::Sample>& samples, int classes);

 private:
  const std::vector<data::Sample>& samples_;
  std::vector<Tensor> maps_;  // [1, classes, h, w] fp16 of each sample
  bool complete_ = false;
};

}  // namespace parsimony::train
