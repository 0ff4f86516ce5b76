// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/rng.h"
#include "parsimony/data/paint.h"

namespace parsimony::data {

// Takes the picture: exposure, contrast, colour cast, saturation, vignette, slight blur and sensor
// noise, each drawn at random. Geometry is untouched, so labels stay exact.
Image photograph(const Canvas& canvas, core::Rng rng);

// The same of one colour per pixel, [height, width].
Image photograph(std::vector<Color> colors, std::int64_t width, std::int64_t height, core::Rng rng);

}  // namespace parsimony::data
