// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/graph/deeplab.h"
#include "parsimony/run/study_options.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::run {

// What the study's supernet looks like: supernet.network, or what supernet.trained says. User
// errors name the file, also where the model is none of a whole DeepLabV3.
graph::DeeplabOptions supernet_design(const SupernetOptions& options);

// The weights of the study's supernet, its channels in order of importance: from supernet.trained,
// else from its training, which `folder` holds and which goes on where it stopped. nullopt when
// interrupted. A user error where it tells other classes apart than the data set has.
std::optional<weights::ArrayMap> trained_supernet(const StudyOptions& options,
                                                  const data::Dataset& dataset,
                                                  const std::filesystem::path& folder,
                                                  const core::Context& context);

// The weights that the training of a supernet starts with: its backbone's; empty where it has none.
weights::ArrayMap backbone_weights(const SupernetOptions& options, const core::Context& context);

}  // namespace parsimony::run
