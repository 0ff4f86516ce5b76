// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "parsimony/data/image.h"

namespace parsimony::data {

// The first `count` colours of the PASCAL VOC map: the bits of the id are dealt to red, green and
// blue from the most significant colour bit downwards, so that near ids differ strongly.
std::vector<Rgb> voc_palette(std::size_t count);

}  // namespace parsimony::data
