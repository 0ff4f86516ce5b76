// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "parsimony/data/dataset.h"
#include "parsimony/evaluate/train_and_measure.h"
#include "parsimony/graph/encoder.h"
#include "parsimony/run/study_options.h"

namespace parsimony::run {

// The study's data set, with the labels that its task reads: the folder that is named, or synthetic
// pictures.
std::unique_ptr<data::Dataset> open_study_data(const StudyOptions& options,
                                               const core::Context& context);

// Size for which costs are stated and final networks are exported: that of the first validation
// picture.
graph::Size picture_size(const data::Dataset& dataset);

// A user error unless there are pictures to train on and to validate on.
void require_splits(const data::Dataset& dataset);

// A user error when the study's encoder would get its weights from nowhere.
void require_encoder_weights(const StudyOptions& options);

// What candidates are validated on, as the study wants to see the pictures.
std::vector<data::Sample> validation_views(const std::vector<data::Sample>& samples,
                                           const DataOptions& options);

// Encoder weights from a file, or of a fetched name, under the names of our graphs.
weights::ArrayMap pretrained_encoder(const std::string& name,
                                     const graph::EncoderOptions& encoder,
                                     const core::Context& context);

// Everything the candidates share that are trained: decoded pictures, encoder weights, teacher,
// cached features.
//
// A network that is trained at the study's start is kept in `folder`/start and its training
// continues where it stopped. nullptr when interrupted. Features that would not fit into the
// cache's memory cap lie in a file in `folder`; a user error, before anything takes time, when they
// would be larger than what that file may be: it says how much is needed and what to change.
std::shared_ptr<const evaluate::SharedData> prepare_study(const StudyOptions& options,
                                                          const data::Dataset& dataset,
                                                          const std::filesystem::path& folder,
                                                          const core::Context& context);

// The encoder weights alone, for training a single architecture; the network at the start is
// trained in `folder`/start if the study has one. nullopt when interrupted.
std::optional<weights::ArrayMap> encoder_for(const StudyOptions& options,
                                             const data::Dataset& dataset,
                                             const std::filesystem::path& folder,
                                             const core::Context& context);

// Whether the study trains a network before its search.
bool trains_start_network(const StudyOptions& options);

// Bytes of the cached features, for validation views of the given sizes.
struct CacheNeeds {
  double training = 0, validation = 0;
  double total() const { return training + validation; }
};
// Whether features of that size lie in a file.
bool spills(const CacheOptions& cache, const CacheNeeds& needs);
CacheNeeds cache_needs(const StudyOptions& options,
                       const std::vector<graph::Size>& views,
                       int channels);

}  // namespace parsimony::run
