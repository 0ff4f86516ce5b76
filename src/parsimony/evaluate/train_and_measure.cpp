// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/train_and_measure.h"

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/evaluate/candidate.h"
#include "parsimony/network/device.h"

namespace parsimony::evaluate {
namespace {

using study::Failed;
using study::FailureReason;
using study::Pruned;
using study::Scored;

study::Outcome outcome_of(const train::TrainingResult& result) {
  const std::string where = fmt::format("stage {}, epoch {}", result.stage, result.epoch);
  switch (result.end) {
    case train::TrainingEnd::kFinished:
      return Scored{result.scores.value()};
    case train::TrainingEnd::kStoppedEarly:
      return Pruned{where,
                    "early termination: reward below that of earlier candidates",
                    result.scores.value()};
    case train::TrainingEnd::kDiverged:
      return Failed{FailureReason::kDiverged, "the loss was not finite in " + where};
    case train::TrainingEnd::kInterrupted:
      return Failed{FailureReason::kInterrupted, "asked to stop in " + where};
    case train::TrainingEnd::kTimedOut:
      return Failed{FailureReason::kTimedOut, "out of time in " + where};
  }
  return Failed{FailureReason::kError, "unknown end of training"};
}

}  // namespace

void CandidateOptions::visit(core::FieldVisitor& v) {
  v.group("stage0", stage0, "stage 0: the decoder on cached features");
  v.group("stage1", stage1, "stage 1: encoder and decoder on pictures");
  v.group("early_stop", early_stop, "early termination of weak candidates");
  v.group("inherit", inherit, "starting from trained relatives");
  v.choice("arithmetic",
           arithmetic,
           network::kArithmeticChoiceNames,
           {"what candidates are trained and measured in: fp32; bf16 (maps and factors of products "
            "bf16; weights, sums and statistics fp32), an error where the processor has neither "
            "AMX tiles nor AVX-512 BF16; auto: bf16 where it has, else fp32"});
  v.field("timeout_minutes",
          timeout_minutes,
          {"longest time for one candidate, minutes; 0: no limit", 0});
}

TrainAndMeasure::TrainAndMeasure(const space::SearchSpace& space,
                                 std::shared_ptr<const SharedData> shared,
                                 CandidateOptions options,
                                 core::Rng rng,
                                 const std::filesystem::path& donor_folder)
    : space_(space),
      shared_(std::move(shared)),
      options_(std::move(options)),
      arithmetic_(options_.kernels == network::Kernels::kFast
                      ? network::arithmetic_of(options_.arithmetic, shared_->device)
                      : network::Arithmetic::kFp32),
      rng_(rng),
      early_stop_(options_.early_stop) {
  if (!options_.inherit.enabled) return;
  core::require(!donor_folder.empty(), "inheritance needs a folder");
  inheritance_ = std::make_unique<Inheritance>(options_.inherit, donor_folder);
}

Prepared TrainAndMeasure::prepare(const space::Tokens& tokens) const {
  const graph::Graph whole = candidate_graphs(genotype(tokens), shared_->description).whole;
  return prepared_network(space_.text(tokens), whole, shared_->costs);
}

Evaluation TrainAndMeasure::evaluate(study::TrialId trial,
                                     const space::Tokens& tokens,
                                     const core::StopFlag& stop) {
  return evaluate_alone([&] { return train(trial, tokens, stop); });
}

Evaluation TrainAndMeasure::train(study::TrialId trial,
                                  const space::Tokens& tokens,
                                  const core::StopFlag& stop) {
  const CandidateGraphs graphs = candidate_graphs(genotype(tokens), shared_->description);
  const core::Rng rng = rng_.split("candidate").split(static_cast<std::uint64_t>(trial));
  train::Limits limits{stop, std::nullopt};
  if (options_.timeout_minutes > 0) {
    limits.deadline =
        std::chrono::steady_clock::now() +
        std::chrono::milliseconds(static_cast<std::int64_t>(60'000 * options_.timeout_minutes));
  }

  objective::Scores costs = shared_->costs.of(graphs.whole);
  Evaluation evaluation;
  if (!measure_costs(shared_->measured.get(), graphs.whole, stop, evaluation, costs))
    return evaluation;
  const auto validation = [&](int stage, int index, const objective::Scores& scores) {
    core::Rng draws = rng.split("early stop")
                          .split(static_cast<std::uint64_t>(stage))
                          .split(static_cast<std::uint64_t>(index));
    study::Observation seen{stage, index, scores.at("reward"), draws.uniform(), true};
    {
      const std::lock_guard lock(early_stop_mutex_);
      seen.continued = early_stop_.decide({stage, index, seen.value, seen.draw}, costs);
    }
    evaluation.observations.push_back(seen);
    return seen.continued;
  };

  const network::OwnStream stream(shared_->device);
  const network::Network::Options built{
      .kernels = options_.kernels, .device = shared_->device, .arithmetic = arithmetic_};
  network::Network decoder(graphs.decoder, rng.split("weights"), built);
  const double inherited = inheritance_ ? inheritance_->start(decoder) : 0;
  train::TrainingResult result = train::train_stage0(decoder,
                                                     graphs.tap_of_input,
                                                     shared_->features,
                                                     shared_->validation_features,
                                                     *shared_->task,
                                                     options_.stage0,
                                                     rng,
                                                     limits,
                                                     validation);
  if (inheritance_ && result.end == train::TrainingEnd::kFinished)
    inheritance_->add(trial, decoder);
  if (result.end == train::TrainingEnd::kFinished && options_.stage1.epochs > 0) {
    network::Network whole(graphs.whole, rng.split("weights"), built);
    whole.load_section(
        shared_->encoder_weights, graph::Section::kEncoder, "the study's encoder weights");
    const weights::ArrayMap trained = decoder.save();
    whole.load_section(trained, graph::Section::kDecoder, "stage 0");
    whole.load_section(trained, graph::Section::kAuxiliary, "stage 0");
    result = train::train_stage1(whole,
                                 shared_->samples,
                                 shared_->validation_views,
                                 *shared_->task,
                                 options_.stage1,
                                 rng,
                                 limits,
                                 validation);
  }
  if (inheritance_ && result.scores) (*result.scores)["inherited"] = inherited;
  evaluation.outcome = outcome_of(result);
  return evaluation;
}

void TrainAndMeasure::replay(const study::Trial& trial) {
  const std::lock_guard lock(early_stop_mutex_);
  for (const study::Observation& seen : trial.observations)
    early_stop_.decide({seen.stage, seen.validation, seen.value, seen.draw}, trial.costs);
  if (inheritance_) inheritance_->restore(trial.id);
}

}  // namespace parsimony::evaluate
