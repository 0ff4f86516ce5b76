// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "parsimony/data/inventory.h"

namespace parsimony::data {

// A data set read from the files of an inventory.
class FileDataset final : public Dataset {
 public:
  explicit FileDataset(Inventory inventory) : inventory_(std::move(inventory)) {}
  const DatasetInfo& info() const override { return inventory_.info; }
  std::int64_t size(Split split) const override;
  std::string id(Split split, std::int64_t index) const override;
  Sample read(Split split, std::int64_t index) const override;

 private:
  const Entry& entry(Split split, std::int64_t index) const;
  Inventory inventory_;
};

}  // namespace parsimony::data
