// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/pictures.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "parsimony/core/error.h"

namespace parsimony::bilevel {

Pictures halved(std::vector<data::Sample> training,
                std::vector<data::Sample> validation,
                std::shared_ptr<const task::Task> task,
                double share,
                std::int64_t batch,
                core::Rng rng) {
  rng.shuffle(training);
  const auto all = std::ssize(training);
  const auto architecture =
      std::max<std::int64_t>(1, std::llround(share * static_cast<double>(all)));
  if (std::min(architecture, all - architecture) < batch) {
    core::throw_user_error(
        "differentiable: {} training pictures are cut into {} for the weights and {} for the "
        "architecture, and a batch has {}; use more pictures, a smaller batch or another "
        "differentiable.architecture_share than {}",
        all,
        all - architecture,
        architecture,
        batch,
        share);
  }
  const auto cut = std::make_move_iterator(training.begin() + architecture);
  Pictures pictures;
  pictures.architecture.assign(std::make_move_iterator(training.begin()), cut);
  pictures.weights.assign(cut, std::make_move_iterator(training.end()));
  pictures.validation = std::move(validation);
  pictures.task = std::move(task);
  return pictures;
}

}  // namespace parsimony::bilevel
