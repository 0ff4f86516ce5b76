// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "parsimony/evaluate/candidate_graphs.h"
#include "parsimony/evaluate/costs.h"
#include "parsimony/evaluate/evaluator.h"
#include "parsimony/evaluate/inheritance.h"
#include "parsimony/evaluate/measured_costs.h"
#include "parsimony/train/candidate.h"
#include "parsimony/train/early_stop.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::evaluate {

// How candidates are trained and judged (Nekrasov et al., CVPR 2019).
struct CandidateOptions {
  train::Stage0Options stage0;
  train::Stage1Options stage1;
  train::EarlyStopOptions early_stop;
  InheritOptions inherit;
  double timeout_minutes = 0;  // a candidate that takes longer fails; 0: no limit
  network::ArithmeticChoice arithmetic = network::ArithmeticChoice::kFp32;
  network::Kernels kernels = network::Kernels::kFast;  // not an option of studies; for comparisons
  void visit(core::FieldVisitor& v);
};

// What all candidates of a study share, read-only.
struct SharedData {
  std::shared_ptr<const task::Task> task;
  graph::NetworkDescription description;
  Costs costs{graph::Size{}};
  std::shared_ptr<const MeasuredCosts> measured = {};  // null: nothing is measured
  weights::ArrayMap encoder_weights;
  train::FeatureBatch features;                          // of augmented training crops
  std::vector<train::FeatureBatch> validation_features;  // of the validation views
  std::vector<data::Sample> samples;                     // training pictures, for stage 1
  std::vector<data::Sample> validation_views;            // for stage 1
  at::Device device = at::kCPU;                          // that candidates are trained on
};

// Trains candidates in two stages and measures them on the validation split.
class TrainAndMeasure final : public Evaluator {
 public:
  TrainAndMeasure(
      const space::SearchSpace& space,
      std::shared_ptr<const SharedData> shared,  // several evaluators may share one cache
      CandidateOptions options,
      core::Rng rng,
      const std::filesystem::path& donor_folder = {});  // where inheritance keeps weights

  // What candidates are trained in.
  network::Arithmetic arithmetic() const { return arithmetic_; }

  Prepared prepare(const space::Tokens& tokens) const override;
  Evaluation evaluate(study::TrialId trial,
                      const space::Tokens& tokens,
                      const core::StopFlag& stop) override;
  void replay(const study::Trial& trial) override;

 private:
  Evaluation train(study::TrialId trial, const space::Tokens& tokens, const core::StopFlag& stop);

  space::Genotype genotype(const space::Tokens& tokens) const {
    return space::parse_genotype(space_.text(tokens));
  }

  const space::SearchSpace& space_;
  std::shared_ptr<const SharedData> shared_;
  CandidateOptions options_;
  const network::Arithmetic arithmetic_;
  core::Rng rng_;
  std::mutex early_stop_mutex_;
  train::EarlyStop early_stop_;
  std::unique_ptr<Inheritance> inheritance_;  // null: off
};

}  // namespace parsimony::evaluate
