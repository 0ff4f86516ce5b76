// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/subsample_and_measure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/evaluate/candidate.h"
#include "parsimony/evaluate/subset.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/network/device.h"

namespace parsimony::evaluate {
namespace {

using study::Failed;
using study::FailureReason;
using study::Pruned;
using study::Scored;

constexpr double kBytesPerGib = 1024.0 * 1024 * 1024;
constexpr std::int64_t kFirstPart = 4;  // one picture in so many comes first

metric::ConfusionMatrix sum_of(const std::vector<metric::ConfusionMatrix>& batches) {
  metric::ConfusionMatrix sum(batches.at(0).classes());
  for (const metric::ConfusionMatrix& batch : batches) sum.add(batch);
  return sum;
}

double miou_of(const metric::ConfusionMatrix& matrix) {
  return metric::quality(matrix).miou;
}

// The batches with a quarter of the pictures; at least two, without which there is no error.
std::size_t first_batches(const StagedNetworks& networks) {
  const std::int64_t all = networks.pictures(0, networks.batches());
  std::size_t first = std::min<std::size_t>(2, networks.batches());
  while (networks.pictures(0, first) * kFirstPart < all) ++first;
  return first;
}

// The outcome of a measurement that did not finish.
study::Outcome outcome_of(StagedNetworks::End end) {
  switch (end) {
    case StagedNetworks::End::kStopped:
      return Failed{FailureReason::kInterrupted, "asked to stop"};
    case StagedNetworks::End::kNotFinite:
      return Failed{FailureReason::kDiverged,
                    "the network gives logits that are not finite; nothing is trained that could "
                    "mend it"};
    case StagedNetworks::End::kFinished:
      break;
  }
  core::throw_internal_error("a finished measurement has its outcome");
}

std::vector<PictureBatch> calibration_batches(std::int64_t pictures,
                                              const std::function<data::Sample(std::int64_t)>& read,
                                              const SubsampleOptions& options,
                                              core::Rng rng) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(pictures));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  rng.shuffle(order);
  order.resize(static_cast<std::size_t>(std::min(pictures, options.calibration)));
  std::vector<data::Sample> samples;
  for (const std::int64_t i : order) samples.push_back(read(i));
  std::vector<PictureBatch> batches = batches_of(std::move(samples), options.batch);
  std::erase_if(batches, [](const PictureBatch& batch) { return batch.size() < 2; });
  if (batches.empty()) {
    core::throw_user_error(
        "batch norms are calibrated with batches of at least two training pictures of one size, but none of the {} "
        "chosen ones has the size of another; crop them with data.view, raise supernet.calibration, or set "
        "supernet.batch_norm to frozen",
        order.size());
  }
  return batches;
}

}  // namespace

void SubsampleOptions::visit(core::FieldVisitor& v) {
  v.field(
      "pictures",
      pictures,
      {"share of the validation pictures that candidates are measured on; classes keep their shares of pixels",
       1e-6,
       1});
  v.choice(
      "batch_norm",
      batch_norm,
      kBatchNormModeNames,
      {"statistics of batch norms: frozen (those of the channels kept), recalibrated by forward passes, or aligned with "
       "the supernet's own by them"});
  v.field("calibration", calibration, {"training pictures for the new statistics", 2});
  v.field("batch", batch, {"pictures that go through a candidate together", 2});
  v.field(
      "abandon",
      abandon,
      {"a candidate is given up after a quarter of the pictures when an earlier one that costs no more is better "
       "by so many standard errors of mean IoU; 0: never",
       0});
  v.field(
      "memory_gib",
      memory_gib,
      {"memory for what candidates that begin alike share, GiB; 0: every candidate is on its own",
       0});
}

std::vector<PictureBatch> batches_of(std::vector<data::Sample> samples, std::int64_t batch) {
  std::vector<PictureBatch> batches;
  std::vector<PictureBatch> open;  // one for each size
  for (data::Sample& sample : samples) {
    auto fitting = std::ranges::find_if(open, [&](const PictureBatch& other) {
      return other[0].image.width == sample.image.width &&
             other[0].image.height == sample.image.height;
    });
    if (fitting == open.end()) fitting = open.insert(open.end(), PictureBatch());
    fitting->push_back(std::move(sample));
    if (std::ssize(*fitting) < batch) continue;
    batches.push_back(std::move(*fitting));
    open.erase(fitting);
  }
  std::ranges::move(open, std::back_inserter(batches));
  return batches;
}

SubsamplePictures choose_pictures(std::vector<data::Sample> validation,
                                  std::int64_t training_pictures,
                                  const std::function<data::Sample(std::int64_t)>& training,
                                  int classes,
                                  const SubsampleOptions& options,
                                  const core::Rng& rng) {
  std::vector<std::vector<std::int64_t>> pixels;
  for (const data::Sample& sample : validation)
    pixels.push_back(class_pixels(sample.labels, classes));
  const auto count = std::llround(options.pictures * static_cast<double>(std::ssize(validation)));
  std::vector<std::size_t> subset = stratified_subset(pixels, count, rng.split("subset"));
  core::Rng order = rng.split("order");
  order.shuffle(subset);
  std::vector<data::Sample> chosen;
  for (const std::size_t i : subset) chosen.push_back(std::move(validation[i]));

  SubsamplePictures pictures;
  pictures.validation = batches_of(std::move(chosen), options.batch);
  if (options.batch_norm != BatchNormMode::kFrozen) {
    pictures.calibration =
        calibration_batches(training_pictures, training, options, rng.split("calibration"));
  }
  return pictures;
}

double miou_standard_error(const std::vector<metric::ConfusionMatrix>& batches) {
  if (batches.size() < 2) return std::numeric_limits<double>::infinity();
  std::vector<double> without;  // a batch each
  for (std::size_t left_out = 0; left_out < batches.size(); ++left_out) {
    metric::ConfusionMatrix rest(batches[0].classes());
    for (std::size_t b = 0; b < batches.size(); ++b) {
      if (b != left_out) rest.add(batches[b]);
    }
    without.push_back(miou_of(rest));
  }
  const auto n = static_cast<double>(without.size());
  const double mean = std::accumulate(without.begin(), without.end(), 0.0) / n;
  double squares = 0;
  for (const double value : without) squares += (value - mean) * (value - mean);
  return std::sqrt(squares * (n - 1) / n);
}

SubsampleAndMeasure::SubsampleAndMeasure(const supernet::SupernetSpace& space,
                                         SubsampleData data,
                                         const SubsampleOptions& options,
                                         metric::Scoring scoring,
                                         std::vector<std::string> cost_objectives)
    : space_(space),
      costs_(std::move(data.costs)),
      measured_(std::move(data.measured)),
      abandon_(options.abandon),
      scoring_(std::move(scoring)),
      cost_objectives_(std::move(cost_objectives)),
      device_(data.device),
      networks_(space.supernet(),
                std::move(data.weights),
                std::move(data.pictures.calibration),
                std::move(data.pictures.validation),
                data.classes,
                {.batch_norm = options.batch_norm,
                 .memory_bytes = options.memory_gib * kBytesPerGib,
                 .device = data.device}),
      first_(first_batches(networks_)) {
  core::require(networks_.batches() > 0, "no pictures to measure candidates on");
  for (const std::string& name : cost_objectives_) {
    const bool known = std::ranges::count(costs_.names(), name) > 0 ||
                       std::ranges::count(costs_.measured_names(), name) > 0;
    core::require(known, "the cost objective '{}' is no cost of the study", name);
  }
}

graph::Graph SubsampleAndMeasure::whole_network(const space::Tokens& tokens) const {
  return graph::simplify(graph::subsample(space_.supernet(), space_.choices(tokens)));
}

Prepared SubsampleAndMeasure::prepare(const space::Tokens& tokens) const {
  return prepared_network(space_.text(tokens), whole_network(tokens), costs_);
}

Evaluation SubsampleAndMeasure::evaluate(study::TrialId trial,
                                         const space::Tokens& tokens,
                                         const core::StopFlag& stop) {
  return evaluate_alone([&] { return measure(trial, tokens, stop); });
}

Evaluation SubsampleAndMeasure::measure(study::TrialId trial,
                                        const space::Tokens& tokens,
                                        const core::StopFlag& stop) {
  const graph::Graph whole = whole_network(tokens);
  objective::Scores costs = costs_.of(whole);
  Evaluation evaluation;
  if (!measure_costs(measured_.get(), whole, stop, evaluation, costs)) return evaluation;
  const network::OwnStream stream(device_);
  StagedNetworks::Candidate candidate(networks_, space_.choices(tokens));
  measure_pictures(candidate, {trial, objectives_of(costs), 0}, stop, evaluation);
  return evaluation;
}

void SubsampleAndMeasure::measure_pictures(StagedNetworks::Candidate& candidate,
                                           Standing standing,
                                           const core::StopFlag& stop,
                                           Evaluation& evaluation) {
  const StagedNetworks::Measured first = candidate.measure(0, first_, stop);
  if (first.end != StagedNetworks::End::kFinished) {
    evaluation.outcome = outcome_of(first.end);
    return;
  }
  metric::ConfusionMatrix matrix = sum_of(first.batches);
  standing.miou = miou_of(matrix);
  std::optional<std::string> why;
  if (abandon_ > 0 && first_ < networks_.batches())
    why = hopeless(standing, miou_standard_error(first.batches));
  evaluation.observations.push_back({0, 0, standing.miou, 0, !why});
  if (why) {
    const std::string where = fmt::format("after {} of {} pictures",
                                          networks_.pictures(0, first_),
                                          networks_.pictures(0, networks_.batches()));
    evaluation.outcome = Pruned{where, *why, metric::scores(matrix, scoring_)};
    return;
  }
  const StagedNetworks::Measured rest = candidate.measure(first_, networks_.batches(), stop);
  if (rest.end != StagedNetworks::End::kFinished) {
    evaluation.outcome = outcome_of(rest.end);
    return;
  }
  for (const metric::ConfusionMatrix& batch : rest.batches) matrix.add(batch);
  evaluation.outcome = Scored{metric::scores(matrix, scoring_)};
  remember(standing);
}

std::vector<double> SubsampleAndMeasure::objectives_of(const objective::Scores& costs) const {
  std::vector<double> values;
  for (const std::string& name : cost_objectives_) {
    const auto found = costs.find(name);
    core::require(found != costs.end(), "there is no cost '{}'", name);
    values.push_back(found->second);
  }
  return values;
}

std::optional<std::string> SubsampleAndMeasure::hopeless(const Standing& standing,
                                                         double standard_error) const {
  const std::lock_guard lock(mutex_);
  // The best of those that are ahead in all: the same whatever order they came in.
  const Standing* ahead = nullptr;
  for (const Standing& other : standings_) {
    const bool cheaper = std::ranges::equal(other.costs, standing.costs, std::less_equal<>());
    if (!cheaper || other.miou <= standing.miou + abandon_ * standard_error) continue;
    const auto rank = [](const Standing& s) { return std::pair(s.miou, -s.trial); };
    if (ahead == nullptr || rank(other) > rank(*ahead)) ahead = &other;
  }
  if (ahead == nullptr) return std::nullopt;
  return fmt::format(
      "dominated by trial {}: mIoU {:.4f} against {:.4f} (standard error {:.4f}) "
      "on the same pictures{}",
      ahead->trial,
      ahead->miou,
      standing.miou,
      standard_error,
      cost_objectives_.empty()
          ? ""
          : fmt::format(", and no more {}", core::join(cost_objectives_, ", ")));
}

void SubsampleAndMeasure::remember(const Standing& standing) {
  const std::lock_guard lock(mutex_);
  standings_.push_back(standing);
}

void SubsampleAndMeasure::replay(const study::Trial& trial) {
  const bool measured = trial.outcome && std::holds_alternative<Scored>(*trial.outcome) &&
                        !trial.same_as && !trial.observations.empty();
  if (measured) remember({trial.id, objectives_of(trial.costs), trial.observations.front().value});
}

std::string SubsampleAndMeasure::sharing() const {
  const StagedNetworks::Usage used = usage();
  if (used.computed_macs == 0) return {};
  return fmt::format("{} of {} MACs were computed, {:.2f} times fewer",
                     core::human_count(used.computed_macs),
                     core::human_count(used.macs),
                     used.macs / used.computed_macs);
}

}  // namespace parsimony::evaluate
