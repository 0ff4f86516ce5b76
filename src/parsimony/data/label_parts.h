// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "parsimony/data/inventory.h"

namespace parsimony::data {

// Label maps that are stored as one file per class, as face parsing sets have them: masks that are
// painted over each other (CelebAMask-HQ) or maps of probabilities (HELEN).
//
// Puts the label map of an entry with parts together. Masks may be PNG of any kind: a pixel belongs
// to the part when any channel, or its palette index, is not zero. Maps of probabilities are 8-bit
// gray, or RGB with three equal channels. What is wrong goes to `findings`, with the file: then
// there is no label map.
std::optional<LabelMap> compose_labels(const Entry& entry,
                                       const Inventory& inventory,
                                       std::vector<Finding>& findings);

// The label map of an entry, be it one file, composed, or the class of the whole picture; a user
// error says what is wrong with which file.
LabelMap read_labels(const Entry& entry, const Inventory& inventory);

}  // namespace parsimony::data
