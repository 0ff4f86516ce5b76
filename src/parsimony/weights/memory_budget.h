// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace parsimony::weights {

// What reading one file may allocate, as a multiple of the file's size: a few hostile bytes
// (compressed zeros, an element expanded to any shape, lists of lists of lists) ask for terabytes.
class MemoryBudget {
 public:
  MemoryBudget(std::uint64_t file_bytes, std::string origin);

  // Throws a user error when the budget is exceeded; call it before allocating.
  void spend(std::uint64_t bytes);

 private:
  std::uint64_t file_bytes_;
  std::uint64_t left_;
  std::string origin_;
};

}  // namespace parsimony::weights
