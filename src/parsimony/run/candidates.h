// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/evaluate/evaluator.h"
#include "parsimony/graph/lower.h"
#include "parsimony/run/finalise.h"
#include "parsimony/run/study_options.h"
#include "parsimony/space/space.h"

namespace parsimony::run {

// What the candidates of a study look like beside their genotypes; of a supernet that is trained
// already, its file says it.
graph::NetworkDescription candidate_description(const StudyOptions& options, int channels);

// The space that a study searches, for candidates of that description.
std::unique_ptr<const space::SearchSpace> make_space(const StudyOptions& options,
                                                     const graph::NetworkDescription& description);

// What final networks look like beside their genotypes: decoders are wider than while searching.
graph::NetworkDescription final_description(const StudyOptions& options,
                                            graph::NetworkDescription candidates);

// What all networks of a study have in common that are trained to the end. `description` is taken
// over as it is, decoder included.
ModelRequest request_for(const StudyOptions& options,
                         const graph::NetworkDescription& description,
                         std::string genotype);

// The supernet itself, to be trained from its backbone's weights as the study says.
ModelRequest supernet_request(const StudyOptions& options, const core::Context& context);

// What tells studies apart beside the search: where candidates come from, how they are judged, and
// from which weights the chosen ones are trained to the end. Refers to all that it is made from.
class Candidates {
 public:
  virtual ~Candidates() = default;
  virtual const space::SearchSpace& space() const = 0;
  // All that has to be done before the first candidate, resumable in the study's folder; done once.
  // False when interrupted.
  virtual bool prepare() = 0;
  // After prepare(). An evaluator for one search, which may keep files in `folder`.
  virtual std::unique_ptr<evaluate::Evaluator> evaluator(const std::filesystem::path& folder) = 0;
  // A network to be trained fully: architecture and the weights that it starts from. Does what it
  // needs of prepare(), and gives back the memory that only evaluators need. nullopt when
  // interrupted.
  virtual std::optional<ModelRequest> request(const std::string& genotype) = 0;
  // Trials whose networks are trained to the end before the chosen ones, for comparison.
  virtual std::vector<study::Trial> references(const std::vector<study::Trial>& /*trials*/) {
    return {};
  }
  // Whether others learn from the trial's network, once it is trained to the end: their requests
  // are for afterwards.
  virtual bool teaches(study::TrialId /*trial*/) const { return false; }
};

// `folder` is the study's.
std::unique_ptr<Candidates> make_candidates(const StudyOptions& options,
                                            const data::Dataset& dataset,
                                            const std::filesystem::path& folder,
                                            const core::Context& context);

}  // namespace parsimony::run
