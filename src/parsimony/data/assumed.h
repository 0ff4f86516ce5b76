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
  int classes = 2;
  void visit(core::FieldVisitor& v);
};

// Pictures of that size without content. A user error for an assumption that is not complete.
std::unique_ptr<Dataset> assumed_dataset(const AssumedOptions& options, std::string name);

}  // namespace parsimony::data
