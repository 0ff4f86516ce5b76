// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/data/image.h"

namespace parsimony::evaluate {

// Pixels of each class in one picture; what is no class is not counted.
std::vector<std::int64_t> class_pixels(const data::LabelMap& labels, int classes);

// Which `count` pictures to take so that every class has nearly the share of the labelled pixels
// that it has in the whole set; ascending. Of random ones, a picture is exchanged for a random
// other where that lessens the sum over the classes of (share / share in the set - 1)^2, until all
// shares are within 2 %, or after a number of attempts where a class has too few pictures for that.
// Depends on the arguments only.
//
// A user error unless 0 < count <= pictures.size().
std::vector<std::size_t> stratified_subset(const std::vector<std::vector<std::int64_t>>& pictures,
                                           std::int64_t count,
                                           core::Rng rng);

}  // namespace parsimony::evaluate
