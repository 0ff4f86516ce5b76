// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/data/inventory.h"

namespace parsimony::data {

// The eleven classes that CamVid is evaluated on (Brostow et al. 2009; grouping of SegNet, 2015).
DatasetInfo camvid_info();

// Gray label maps of the SegNet form: 0-10, and 11 or 255 = void.
LabelCoding camvid_segnet_coding();

// Colour label maps of the original form: 32 colours grouped into the eleven classes, void ignored.
// Up to 1 % of a file may have other colours (one official file has about 200 such pixels): they
// are ignored.
LabelCoding camvid_colour_coding();

}  // namespace parsimony::data
