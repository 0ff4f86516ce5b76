// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "parsimony/data/inventory.h"

namespace parsimony::data {

// Pixels per class id over one file, split or data set; [LabelMap::kIgnore] counts ignored pixels.
using Histogram = std::array<std::int64_t, 256>;

Histogram count_ids(const LabelMap& labels);
void add_to(Histogram& sum, const Histogram& part);

// The class count that labels imply: largest id other than kIgnore, plus one.
std::size_t implied_classes(const Histogram& histogram);

// Whether only 0 and 255 occur: a two-class mask drawn for viewing, which would be read as one
// class and ignored pixels.
bool is_mask_0_255(const Histogram& histogram);
Finding mask_0_255_finding(const std::string& file, const Histogram& histogram);

// Reads every label map of an inventory without class names and settles classes and coding. Adds
// the finding above when all labels together are such a mask.
void infer_classes(Inventory& inventory, int threads);

// The same from a histogram that is known already; `file` is the label map named in the finding.
void settle_classes(Inventory& inventory, const Histogram& histogram, const std::string& file);

}  // namespace parsimony::data
