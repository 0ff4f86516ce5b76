// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/palette.h"

namespace parsimony::data {

std::vector<Rgb> voc_palette(std::size_t count) {
  std::vector<Rgb> palette;
  for (std::size_t id = 0; id < count; ++id) {
    unsigned channels[3] = {0, 0, 0};
    for (unsigned bit = 0; bit < 24; ++bit) {
      channels[bit % 3] |= (static_cast<unsigned>(id) >> bit & 1u) << (7 - bit / 3);
    }
    palette.push_back({static_cast<std::uint8_t>(channels[0]),
                       static_cast<std::uint8_t>(channels[1]),
                       static_cast<std::uint8_t>(channels[2])});
  }
  return palette;
}

}  // namespace parsimony::data
