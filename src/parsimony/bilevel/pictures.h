// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/data/dataset.h"
#include "parsimony/task/task.h"

namespace parsimony::bilevel {

// What a search sees. Validation pictures are only measured on, never learned from.
struct Pictures {
  std::vector<data::Sample> weights, architecture;
  std::vector<data::Sample> validation;
  std::shared_ptr<const task::Task> task;  // what is learned from them
};

// Training pictures as two halves, drawn by `rng`: `share` of them, at least one, for the
// architecture. A user error where that leaves either half with less than a batch.
Pictures halved(std::vector<data::Sample> training,
                std::vector<data::Sample> validation,
                std::shared_ptr<const task::Task> task,
                double share,
                std::int64_t batch,
                core::Rng rng);

}  // namespace parsimony::bilevel
