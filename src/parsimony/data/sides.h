// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/data/image.h"

namespace parsimony::data {

// Pairs of classes whose names differ only in the side they name: "l_eye" and "r_eye", "left eye"
// and "Right Eye", "brow_l" and "brow_r". Names count as words in letters of either case, parted by
// anything else; a single letter names a side only next to another word. Where more than two
// classes would match there is no pair.
MirrorPairs mirror_pairs_of(const std::vector<std::string>& classes);

}  // namespace parsimony::data
