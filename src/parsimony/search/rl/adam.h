// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parsimony/search/state.h"

namespace parsimony::search {

// Adam (Kingma, Ba: ICLR 2015) with the usual constants, 0.9 / 0.999 / 1e-8, in the direction of
// ascent, with the gradient's L2 norm clipped first.
class Adam {
 public:
  explicit Adam(std::size_t parameter_count);

  // Returns the gradient's norm before clipping. No gradient stands for a gradient of zeros: the
  // moments decay and the parameters keep moving with what is left of them.
  double ascend(std::span<float> parameters,
                std::span<const float> gradient,
                double learning_rate,
                double norm_limit);
  void ascend_without_gradient(std::span<float> parameters, double learning_rate);

  std::int64_t steps() const { return steps_; }
  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  void step(std::span<float> parameters, const float* gradient, double scale, double learning_rate);

  std::int64_t steps_ = 0;
  std::vector<float> first_moment_;
  std::vector<float> second_moment_;
};

}  // namespace parsimony::search
