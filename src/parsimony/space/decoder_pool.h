// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

namespace parsimony::space {

// Blocks of a decoder read entries of its pool: first the encoder's taps, then the blocks in their
// order. Those that no block reads, which the decoder's head collects. A block has `first` and
// `second`.
template <typename Block>
std::vector<int> unread_blocks(const std::vector<Block>& blocks, int taps) {
  std::vector<int> unread;
  for (int b = 0; b < static_cast<int>(blocks.size()); ++b) {
    const int entry = taps + b;
    const bool read = std::any_of(blocks.begin(), blocks.end(), [entry](const Block& block) {
      return block.first == entry || block.second == entry;
    });
    if (!read) unread.push_back(b);
  }
  return unread;
}

}  // namespace parsimony::space
