// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/evaluate/costs.h"
#include "parsimony/evaluate/evaluator.h"
#include "parsimony/evaluate/measured_costs.h"
#include "parsimony/evaluate/staged_networks.h"
#include "parsimony/metric/confusion.h"
#include "parsimony/supernet/space.h"

namespace parsimony::evaluate {

// How candidates of a supernet are judged (Xiong et al., arXiv 2303.16322); what the paper leaves
// open is chosen as spec fmas 1.4.4 to 1.4.6 completes it.
struct SubsampleOptions {
  double pictures = 0.5;  // share of the validation split
  BatchNormMode batch_norm = BatchNormMode::kRecalibrated;
  std::int64_t calibration = 128;  // training pictures
  std::int64_t batch = 16;
  double abandon = 3;  // standard errors; 0: never
  double memory_gib = 4;
  void visit(core::FieldVisitor& v);
};

// Pictures of equal size in batches of `batch`, as they come; what is left over of each size makes
// a smaller batch at the end.
std::vector<PictureBatch> batches_of(std::vector<data::Sample> samples, std::int64_t batch);

// The pictures that all candidates of a study see.
struct SubsamplePictures {
  std::vector<PictureBatch> calibration, validation;
};

// Chooses them: of the validation split a subset with its classes' shares (subset.h), in random
// order; of the `training_pictures` that `training` reads, as many as the options say, or all where
// there are fewer. A picture whose size no other has cannot calibrate and is left out. Frozen
// statistics need no training pictures. Depends on the arguments only.
//
// A user error when no validation picture would be left, or no two training pictures chosen are of
// one size.
SubsamplePictures choose_pictures(std::vector<data::Sample> validation,
                                  std::int64_t training_pictures,
                                  const std::function<data::Sample(std::int64_t)>& training,
                                  int classes,
                                  const SubsampleOptions& options,
                                  const core::Rng& rng);

// Standard error of the mean IoU of several batches taken together: the jackknife that leaves out a
// batch at a time (Efron and Stein, Annals of Statistics 1981). Infinite for fewer than two.
double miou_standard_error(const std::vector<metric::ConfusionMatrix>& batches);

// What all candidates of a study share.
struct SubsampleData {
  weights::ArrayMap weights;  // of the supernet, ordered (supernet/importance.h)
  SubsamplePictures pictures;
  int classes = 2;
  Costs costs{graph::Size{}};
  std::shared_ptr<const MeasuredCosts> measured = {};  // null: nothing is measured
  at::Device device = at::kCPU;
};

// Measures candidates of a supernet without training any. A quarter of the pictures comes first;
// with `abandon`, a candidate is given up after them when an earlier one costs no more in any of
// the objectives and has a mean IoU on the same pictures that is higher by more than so many
// standard errors.
//
// Its only observation is the mean IoU on those first pictures.
class SubsampleAndMeasure final : public Evaluator {
 public:
  // `cost_objectives`: the costs that the study minimises. The space must outlive this.
  SubsampleAndMeasure(const supernet::SupernetSpace& space,
                      SubsampleData data,
                      const SubsampleOptions& options,
                      metric::Scoring scoring,
                      std::vector<std::string> cost_objectives);

  Prepared prepare(const space::Tokens& tokens) const override;
  Evaluation evaluate(study::TrialId trial,
                      const space::Tokens& tokens,
                      const core::StopFlag& stop) override;
  void replay(const study::Trial& trial) override;

  std::string sharing() const override;

  // Work done and avoided so far.
  StagedNetworks::Usage usage() const { return networks_.usage(); }

 private:
  // An earlier candidate, in what later ones are held against.
  struct Standing {
    study::TrialId trial = 0;
    std::vector<double> costs;  // the objectives, in their order
    double miou = 0;            // on the first pictures
  };

  graph::Graph whole_network(const space::Tokens& tokens) const;
  Evaluation measure(study::TrialId trial, const space::Tokens& tokens, const core::StopFlag& stop);
  void measure_pictures(StagedNetworks::Candidate& candidate,
                        Standing standing,
                        const core::StopFlag& stop,
                        Evaluation& evaluation);
  std::vector<double> objectives_of(const objective::Scores& costs) const;
  // Why it is not worth going on with; nothing when it is.
  std::optional<std::string> hopeless(const Standing& standing, double standard_error) const;
  void remember(const Standing& standing);

  const supernet::SupernetSpace& space_;
  const Costs costs_;
  const std::shared_ptr<const MeasuredCosts> measured_;
  const double abandon_;
  const metric::Scoring scoring_;
  const std::vector<std::string> cost_objectives_;
  const at::Device device_;
  StagedNetworks networks_;
  std::size_t first_ = 0;  // batches that come first

  mutable std::mutex mutex_;
  std::vector<Standing> standings_;  // of scored candidates
};

}  // namespace parsimony::evaluate
