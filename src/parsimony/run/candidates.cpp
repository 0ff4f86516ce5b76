// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/candidates.h"

#include <algorithm>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/evaluate/part_weights.h"
#include "parsimony/evaluate/subsample_and_measure.h"
#include "parsimony/network/device.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/study_task.h"
#include "parsimony/run/trained_supernet.h"
#include "parsimony/run/wanted_groups.h"
#include "parsimony/study/compression.h"
#include "parsimony/supernet/space.h"
#include "parsimony/train/images.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;

// Training pictures whose statistics a network gets that is fine-tuned (spec fmas 1.4.4).
constexpr std::int64_t kFinalCalibration = 512;

core::Rng study_rng(const StudyOptions& options) {
  return core::Rng(static_cast<std::uint64_t>(options.seed));
}

int channels_of(const StudyOptions& options, const data::Dataset& dataset) {
  return study_task(options, dataset.info())->channels();
}

// A frozen encoder with decoders that are trained.
class DecoderCandidates final : public Candidates {
 public:
  DecoderCandidates(const StudyOptions& options,
                    const data::Dataset& dataset,
                    fs::path folder,
                    const core::Context& context)
      : options_(options),
        dataset_(dataset),
        folder_(std::move(folder)),
        context_(context),
        description_(candidate_description(options, channels_of(options, dataset))),
        space_(make_space(options, description_)) {}

  const space::SearchSpace& space() const override { return *space_; }

  bool prepare() override {
    shared_ = prepare_study(options_, dataset_, folder_, context_);
    return shared_ != nullptr;
  }

  std::unique_ptr<evaluate::Evaluator> evaluator(const fs::path& folder) override {
    return std::make_unique<evaluate::TrainAndMeasure>(
        *space_, shared_, options_.candidate, study_rng(options_), folder / "donors");
  }

  std::optional<ModelRequest> request(const std::string& genotype) override {
    if (!encoder_) {
      encoder_ = shared_ ? std::optional(shared_->encoder_weights)
                         : encoder_for(options_, dataset_, folder_, context_);
      if (!encoder_) return std::nullopt;
      shared_.reset();  // the cached features have served
    }
    ModelRequest request =
        request_for(options_, final_description(options_, description_), genotype);
    request.encoder_weights = *encoder_;
    return request;
  }

 private:
  const StudyOptions& options_;
  const data::Dataset& dataset_;
  const fs::path folder_;
  const core::Context& context_;
  const graph::NetworkDescription description_;
  const std::unique_ptr<const space::SearchSpace> space_;
  std::shared_ptr<const evaluate::SharedData> shared_;
  std::optional<weights::ArrayMap> encoder_;
};

// The parts of a trained network, which are measured as they are and fine-tuned at the end.
class SupernetCandidates final : public Candidates {
 public:
  SupernetCandidates(const StudyOptions& options,
                     const data::Dataset& dataset,
                     fs::path folder,
                     const core::Context& context)
      : options_(options),
        dataset_(dataset),
        folder_(std::move(folder)),
        context_(context),
        description_(candidate_description(options, channels_of(options, dataset))),
        space_(graph::deeplab_supernet(description_.supernet, description_.classes)) {}

  const space::SearchSpace& space() const override { return space_; }

  bool prepare() override {
    require_splits(dataset_);
    if (weights_) return true;
    weights_ = trained_supernet(options_, dataset_, folder_ / "supernet", context_);
    return weights_.has_value();
  }

  std::unique_ptr<evaluate::Evaluator> evaluator(const fs::path& /*folder*/) override {
    const evaluate::Costs costs(picture_size(dataset_), options_.cost);
    evaluate::SubsampleData data{
        .weights = weights_.value(),
        .pictures = evaluate::choose_pictures(
            validation_views(train::load_samples(dataset_, data::Split::kVal, context_),
                             options_.data),
            dataset_.size(data::Split::kTrain),
            [this](std::int64_t i) { return view(i); },
            description_.classes,
            options_.supernet.measuring,
            study_rng(options_).split("pictures")),
        .classes = description_.classes,
        .costs = costs,
        .device = network::device_of(context_.device)};
    if (!costs.meters().empty()) data.measured = std::make_shared<evaluate::MeasuredCosts>(costs);
    return std::make_unique<evaluate::SubsampleAndMeasure>(
        space_,
        std::move(data),
        options_.supernet.measuring,
        metric::Scoring{options_.task.segmentation, wanted_groups(options_, dataset_.info())},
        minimised());
  }

  std::optional<ModelRequest> request(const std::string& genotype) override {
    if (!prepare()) return std::nullopt;
    const space::Tokens tokens = space_.parse(genotype);
    ModelRequest request = request_for(options_, description_, space_.text(tokens));
    if (!parts_) {
      parts_.emplace(
          space_.supernet(), *weights_, calibration(), network::device_of(context_.device));
    }
    std::optional<evaluate::PartWeights::ByMode> parts =
        parts_->of(space_.choices(tokens), context_);
    if (!parts) return std::nullopt;
    const auto searched = static_cast<std::size_t>(options_.supernet.measuring.batch_norm);
    request.initial = (*parts)[searched];
    for (std::size_t mode = 0; mode < parts->size(); ++mode) {
      request.untrained[fmt::format("miou_{}", evaluate::kBatchNormModeNames[mode])] =
          std::move((*parts)[mode]);
    }
    const fs::path whole = folder_ / "models" / std::to_string(whole_);
    if (options_.supernet.teach && whole_ > 0 && fs::exists(whole / "metrics.json") &&
        request.genotype != space_.text(space::Tokens(space_.decisions().size(), 0)))
      request.teacher = {.model = whole.string(), .classes = {}};
    return request;
  }

  // The supernet, and what compares with the published results.
  std::vector<study::Trial> references(const std::vector<study::Trial>& trials) override {
    std::vector<study::Trial> all;
    const study::Trial* whole = study::whole_supernet(trials);
    if (whole == nullptr) return all;
    whole_ = whole->id;
    all.push_back(*whole);
    for (const study::CompressionTarget& target : study::published_targets()) {
      const study::Trial* best = study::best_within(trials, target, whole->costs);
      if (best != nullptr && std::ranges::find(all, best->id, &study::Trial::id) == all.end())
        all.push_back(*best);
    }
    return all;
  }

  bool teaches(study::TrialId trial) const override {
    return options_.supernet.teach && trial == whole_;
  }

 private:
  // A training picture as candidates see pictures.
  data::Sample view(std::int64_t i) const {
    return data::central_view(
        dataset_.read(data::Split::kTrain, i), options_.data.view_shorter_side, options_.data.view);
  }

  std::vector<std::string> minimised() const {
    std::vector<std::string> costs;
    for (const std::string& name : options_.objectives)
      if (objective::is_cost(name)) costs.push_back(name);
    return costs;
  }

  // Training pictures for the statistics of a network that is fine-tuned: more than the search had.
  std::vector<evaluate::PictureBatch> calibration() const {
    evaluate::SubsampleOptions measuring = options_.supernet.measuring;
    measuring.batch_norm = evaluate::BatchNormMode::kRecalibrated;
    measuring.calibration = std::max(measuring.calibration, kFinalCalibration);
    return evaluate::choose_pictures(
               {view(0)},
               dataset_.size(data::Split::kTrain),
               [this](std::int64_t i) { return view(i); },
               description_.classes,
               measuring,
               study_rng(options_).split("pictures"))
        .calibration;
  }

  const StudyOptions& options_;
  const data::Dataset& dataset_;
  const fs::path folder_;
  const core::Context& context_;
  const graph::NetworkDescription description_;
  const supernet::SupernetSpace space_;
  std::optional<weights::ArrayMap> weights_;  // ordered
  std::optional<evaluate::PartWeights> parts_;
  study::TrialId whole_ = 0;  // trial of the supernet; 0: not known
};

// Networks of the grid space, which share no encoder. Their search is run/two_stage.h's; all that
// came of it are trained to the end.
class GridCandidates final : public Candidates {
 public:
  GridCandidates(const StudyOptions& options, const data::Dataset& dataset)
      : options_(options),
        dataset_(dataset),
        description_(candidate_description(options, channels_of(options, dataset))),
        space_(make_space(options, description_)) {}

  const space::SearchSpace& space() const override { return *space_; }

  bool prepare() override {
    require_splits(dataset_);
    return true;
  }

  std::unique_ptr<evaluate::Evaluator> evaluator(const fs::path& /*folder*/) override {
    core::throw_internal_error("networks of a grid are not judged one by one");
  }

  std::optional<ModelRequest> request(const std::string& genotype) override {
    return request_for(options_,
                       description_,
                       space::to_text(space::parse_genotype(genotype, space::SpaceName::kGrid)));
  }

  // What was found and the random networks beside it, each network once.
  std::vector<study::Trial> references(const std::vector<study::Trial>& trials) override {
    std::vector<study::Trial> all;
    for (const study::Trial& trial : trials) {
      const bool known =
          std::ranges::find(all, trial.canonical_id, &study::Trial::canonical_id) != all.end();
      if (!known && std::holds_alternative<study::Scored>(trial.outcome.value()))
        all.push_back(trial);
    }
    return all;
  }

 private:
  const StudyOptions& options_;
  const data::Dataset& dataset_;
  const graph::NetworkDescription description_;
  const std::unique_ptr<const space::SearchSpace> space_;
};

}  // namespace

graph::NetworkDescription candidate_description(const StudyOptions& options, int channels) {
  graph::NetworkDescription description{.encoder = options.encoder.network,
                                        .decoder = options.decoder,
                                        .classes = channels,
                                        .grid = options.grid};
  if (options.searches_supernet()) description.supernet = supernet_design(options.supernet);
  return description;
}

std::unique_ptr<const space::SearchSpace> make_space(const StudyOptions& options,
                                                     const graph::NetworkDescription& description) {
  if (!options.searches_supernet()) return space::make_space(options.space);
  return std::make_unique<supernet::SupernetSpace>(
      graph::deeplab_supernet(description.supernet, description.classes));
}

graph::NetworkDescription final_description(const StudyOptions& options,
                                            graph::NetworkDescription candidates) {
  candidates.decoder = {.width = options.final.width, .repeats = options.final.repeats};
  return candidates;
}

ModelRequest request_for(const StudyOptions& options,
                         const graph::NetworkDescription& description,
                         std::string genotype) {
  return {.name = options.name,
          .genotype = std::move(genotype),
          .network = description,
          .encoder_weights = {},
          .options = options.final,
          .cost = options.cost,
          .seed = static_cast<std::uint64_t>(options.seed),
          .teacher = options.teacher,
          .task = options.task,
          .f1 = wanted_f1(options),
          .keep_aspect = options.data.fit > 0};
}

ModelRequest supernet_request(const StudyOptions& options, const core::Context& context) {
  ModelRequest request = request_for(
      options, {.supernet = options.supernet.network}, space::to_text(space::Subnetwork()));
  request.options.training = options.supernet.training;
  request.encoder_weights = backbone_weights(options.supernet, context);
  return request;
}

std::unique_ptr<Candidates> make_candidates(const StudyOptions& options,
                                            const data::Dataset& dataset,
                                            const fs::path& folder,
                                            const core::Context& context) {
  if (options.searches_supernet())
    return std::make_unique<SupernetCandidates>(options, dataset, folder, context);
  if (options.is_of_grids()) return std::make_unique<GridCandidates>(options, dataset);
  return std::make_unique<DecoderCandidates>(options, dataset, folder, context);
}

}  // namespace parsimony::run
