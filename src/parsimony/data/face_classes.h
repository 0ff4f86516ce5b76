// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/data/merge.h"

namespace parsimony::data {

// What the two face-parsing sets say of themselves: classes, which of them change sides in a
// mirror, and the groups whose F1 is published (spec rl-cell-search, section 8.7; Lyu et al.'s
// evaluation code): eyes, brows, mouth and "overall", which leaves out background and skin, and in
// HELEN hair as well.

// CelebAMask-HQ (Lee et al. 2020): background and 18 parts, numbered in painting order.
DatasetInfo celebamask_hq_info(PartOrder order = PartOrder::kOfficial);

// HELEN with the eleven labels of Smith et al. (2013).
DatasetInfo helen_info();

// CelebAMask-HQ in HELEN's classes, for pre-training. What HELEN does not label (ears, neck,
// glasses, clothes, ...) becomes background. CelebAMask-HQ's left is HELEN's right: sides are
// exchanged.
ClassMap celebamask_hq_to_helen(const DatasetInfo& info);

}  // namespace parsimony::data
