// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/run/study_options.h"
#include "parsimony/study/store.h"

namespace parsimony::run {

// The search of a study of grids (System D, RSPNet): for each seed one search of cells, then one of
// paths for each budget; every network that is found becomes a trial, and so do the random ones
// that it is compared with. A trial's mIoU is that of the network with the weights that it has in
// the path search's supernet; a random cell has none there, and so no mIoU before its own training.
//
// The state "differentiable" of the store, differentiable::StudyHistory, says what each trial is
// and holds the curves of the searches, whose checkpoints lie in `folder`/search. False when
// interrupted; the same call goes on, also with more seeds or budgets than before.
bool search_grid(const StudyOptions& options,
                 const data::Dataset& dataset,
                 const std::filesystem::path& folder,
                 study::Store& store,
                 const core::Context& context);

}  // namespace parsimony::run
