// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "parsimony/core/fields.h"
#include "parsimony/data/dataset.h"

namespace parsimony::data {

// A data set that is not at hand, for plans: how much of what.
struct AssumedOptions {
  std::int64_t train = 0, val = 0, test = 0;  // pictures; no training picture: nothing is assumed
  std::int64_t width = 0, height = 0;         // of all of them
  int classes = 2;                            // of pixels, where they are labelled
  int joints = 16;                            // of a person
  void visit(core::FieldVisitor& v);
};

// Pictures of that size without content, labelled with `targets`. A user error for an assumption
// that is not complete.
std::unique_ptr<Dataset> assumed_dataset(const AssumedOptions& options,
                                         TargetSet targets,
                                         std::string name);

// A sample of that size which has all that a set's samples have, and says nothing.
Sample blank_sample(const DatasetInfo& info, std::int64_t width, std::int64_t height);

}  // namespace parsimony::data
