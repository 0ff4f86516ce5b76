// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "parsimony/data/dataset.h"

namespace parsimony::data {

// Writes a data set in the layout "folder" (layout_folder.cpp): dataset.json, images/ID.png, one
// list per split and what the samples are labelled with: labels/ID.png (palette PNG, value = class
// id, 255 = ignore), depth/ID.png (gray PNG of 16 bit in the numbers of the set's depth_scale, or
// else millimetres, 0 = invalid), annotations.json. With a `jpeg_quality` of 1 to 100 pictures
// become ID.jpg instead: several times smaller, not exact.
//
// `folder` must be empty or not exist. dataset.json is written last, so that a copy that was cut
// short is not taken for a data set. A user error when two samples share an id or an id is no file
// name.
void write_dataset_folder(const Dataset& dataset,
                          const std::filesystem::path& folder,
                          int threads = 1,
                          int jpeg_quality = 0);

}  // namespace parsimony::data
