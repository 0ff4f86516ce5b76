// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/fitted.h"

#include "parsimony/data/augment.h"

namespace parsimony::data {

FittedDataset::FittedDataset(std::unique_ptr<Dataset> dataset, std::int64_t side)
    : dataset_(std::move(dataset)), side_(side) {}

const DatasetInfo& FittedDataset::info() const {
  return dataset_->info();
}

std::int64_t FittedDataset::size(Split split) const {
  return dataset_->size(split);
}

std::string FittedDataset::id(Split split, std::int64_t index) const {
  return dataset_->id(split, index);
}

Sample FittedDataset::read(Split split, std::int64_t index) const {
  return fitted(dataset_->read(split, index), side_, side_);
}

}  // namespace parsimony::data
