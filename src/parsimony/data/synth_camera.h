// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/rng.h"
#include "parsimony/data/paint.h"

namespace parsimony::data {

// Takes the picture: exposure, contrast, colour cast, saturation, vignette, slight blur and sensor
// noise, each drawn at random. Geometry is untouched, so labels stay exact.
Image photograph(const Canvas& canvas, core::Rng rng);

}  // namespace parsimony::data
