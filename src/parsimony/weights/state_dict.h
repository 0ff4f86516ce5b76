// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "parsimony/weights/memory_budget.h"
#include "parsimony/weights/pickle_value.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::weights::pickle {

// All bytes of a storage.
using StorageLookup = std::function<std::span<const std::uint8_t>(const Storage& storage)>;

// The named tensors below `root`, each copied into a dense array.
//
// * A checkpoint that keeps the weights under "state_dict", "model_state", "model_state_dict" or
//   "model" beside its epoch and optimiser stands for those weights alone.
// * Names of nested dictionaries and lists are joined by dots.
// * Numbers, truth values and short texts become metadata; whatever else is no tensor is left out.
ArrayMap to_array_map(const Value& root,
                      const StorageLookup& find_storage,
                      MemoryBudget& budget,
                      const std::string& origin);

}  // namespace parsimony::weights::pickle
