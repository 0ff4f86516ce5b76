// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "parsimony/data/dataset.h"

namespace parsimony::data {

// A data set whose pictures come in all sizes, people cut out of photographs, say, with every
// picture fitted() into a square.
class FittedDataset final : public Dataset {
 public:
  FittedDataset(std::unique_ptr<Dataset> dataset, std::int64_t side);
  const DatasetInfo& info() const override;
  std::int64_t size(Split split) const override;
  std::string id(Split split, std::int64_t index) const override;
  Sample read(Split split, std::int64_t index) const override;

 private:
  std::unique_ptr<Dataset> dataset_;
  std::int64_t side_;
};

}  // namespace parsimony::data
