// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "parsimony/weights/byte_reader.h"
#include "parsimony/weights/memory_budget.h"
#include "parsimony/weights/pickle_value.h"

namespace parsimony::weights::pickle {

// Reads pickles of protocol 2 to 5 that hold nothing but a state dict. A pickle is a program for a
// small stack machine; this one knows no names beyond torch_globals.h, so it can build values and
// do nothing else. Values refer to each other freely, even in circles, and live as long as the
// machine.
//
//   Machine machine(budget);
//   const Value* root = machine.run(reader);
class Machine {
 public:
  explicit Machine(MemoryBudget& budget) : budget_(budget) {}

  // Reads one pickle and leaves `in` behind it.
  Value* run(ByteReader& in);

  // Every storage the pickles referred to, by key.
  const std::map<std::string, Storage>& storages() const { return storages_; }

 private:
  struct Step;  // the reading of one pickle

  MemoryBudget& budget_;
  std::deque<Value> values_;
  std::map<std::string, Storage> storages_;
};

}  // namespace parsimony::weights::pickle
