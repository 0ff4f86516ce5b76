// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/staged_networks.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/graph/cost.h"
#include "parsimony/network/device.h"
#include "parsimony/network/pixel_classes.h"
#include "parsimony/supernet/sliced.h"
#include "parsimony/train/images.h"

namespace parsimony::evaluate {
namespace {

using graph::NodeId;
using network::Network;
using network::Tensor;
using supernet::StageGraph;

double macs_of(const StageGraph& part, const PictureBatch& pictures) {
  if (part.graph.nodes.empty()) return 0;
  const data::Image& picture = pictures.front().image;
  const graph::SectionCounts macs = graph::count_macs(part.graph, {picture.height, picture.width});
  return static_cast<double>(macs.total()) * static_cast<double>(pictures.size());
}

bool has_norms(const StageGraph& part) {
  return std::ranges::any_of(part.graph.nodes, [](const graph::Node& node) {
    return std::holds_alternative<graph::BatchNorm>(node.layer);
  });
}

// "0:;1:2,1;" of the sites of two stages.
std::vector<std::string> keys_of(const std::vector<supernet::Stage>& stages,
                                 const graph::Choices& choices) {
  std::vector<std::string> keys;
  for (const supernet::Stage& stage : stages) {
    std::string key = fmt::format("{}{}:", keys.empty() ? "" : keys.back(), keys.size());
    for (const std::size_t site : stage.sites) key += fmt::format("{},", choices[site]);
    keys.push_back(key + ";");
  }
  return keys;
}

metric::ConfusionMatrix matrix_of(const Tensor& logits,
                                  const PictureBatch& pictures,
                                  int classes,
                                  network::Kernels kernels) {
  const data::LabelMap& size = pictures.front().labels;
  const Tensor predicted =
      network::pixel_classes(logits, size.height, size.width, kernels).to(at::kCPU);
  const std::int64_t pixels = size.height * size.width;
  metric::ConfusionMatrix matrix(classes);
  const std::uint8_t* prediction = predicted.data_ptr<std::uint8_t>();
  for (const data::Sample& picture : pictures) {
    matrix.add(picture.labels.ids.data(), prediction, pixels);
    prediction += pixels;
  }
  return matrix;
}

}  // namespace

// One batch on its way through the stages of a candidate. Begins where nobody has been before.
class StagedNetworks::Candidate::Walk {
 public:
  // With `calibrates`, batch norms use the batch's own statistics, which are noted.
  Walk(Candidate& candidate,
       const PictureBatch& pictures,
       std::string batch,
       bool calibrates,
       const core::StopFlag& stop)
      : candidate_(candidate),
        pictures_(pictures),
        batch_(std::move(batch)),
        calibrates_(calibrates),
        stop_(stop) {}

  // What the stage leaves; null when stopped. What the last one leaves, nobody else wants.
  ValueCache::Kept after(std::size_t stage) {
    if (const auto held = held_.find(stage); held != held_.end()) return held->second;
    const auto compute = [&] { return run(stage); };
    ValueCache::Kept value =
        stage + 1 == candidate_.parts_.size()
            ? compute()
            : candidate_.shared_.cache_.get(candidate_.keys_[stage] + batch_, compute);
    if (value) held_[stage] = value;
    return value;
  }

 private:
  ValueCache::Kept run(std::size_t stage) {
    const StageGraph& part = candidate_.parts_[stage];
    std::vector<Tensor> inputs;
    if (stage == 0) inputs.push_back(train::to_batch(pictures_).pictures);
    for (const NodeId node : part.inputs) {
      const ValueCache::Kept value = after(candidate_.shared_.stage_of_[index(node)]);
      if (!value) return nullptr;
      inputs.push_back(value->maps.at(node));
    }
    if (stop_.requested()) return nullptr;
    auto value = std::make_shared<Value>();
    train::BatchPass pass = forward(stage, inputs);
    for (std::size_t i = 0; i < part.outputs.size(); ++i)
      value->maps[part.outputs[i]] = pass.outputs[i];
    value->statistics = std::move(pass.statistics);
    // Other threads read it in streams of their own, and what it was computed from may go.
    network::wait_for(candidate_.shared_.options_.device);
    candidate_.shared_.count(part, pictures_, true);
    forget_before(stage);
    return value;
  }

  train::BatchPass forward(std::size_t stage, const std::vector<Tensor>& inputs) {
    Network& network = candidate_.network(stage);
    if (calibrates_) return train::batch_pass(network, inputs);
    const at::NoGradGuard no_grad;
    return {network.forward(inputs, network::Phase::kEvaluation), {}};
  }

  // What no stage behind this one reads.
  void forget_before(std::size_t stage) {
    const std::vector<NodeId>& live = candidate_.parts_[stage].live;
    std::erase_if(held_, [&](const auto& held) {
      return held.first < stage && std::ranges::none_of(held.second->maps, [&](const auto& map) {
               return std::ranges::binary_search(live, map.first);
             });
    });
  }

  static std::size_t index(NodeId node) { return static_cast<std::size_t>(node); }

  Candidate& candidate_;
  const PictureBatch& pictures_;
  const std::string batch_;
  const bool calibrates_;
  const core::StopFlag& stop_;
  std::map<std::size_t, ValueCache::Kept> held_;  // by stage
};

StagedNetworks::Candidate::Candidate(StagedNetworks& networks, const graph::Choices& wanted)
    : shared_(networks) {
  const graph::Supernet& supernet = shared_.supernet_;
  const graph::Choices choices = graph::canonical(supernet, wanted);
  channels_ = graph::channel_slices(supernet, choices);
  weights_ = supernet::selected(supernet.graph, shared_.weights_, channels_);
  parts_ = supernet::staged(supernet, shared_.stages_, choices);
  keys_ = keys_of(shared_.stages_, choices);
  networks_.resize(parts_.size());
  statistics_.resize(parts_.size());
  // Multiples of the golden ratio are far apart.
  const double turns = std::numbers::phi * static_cast<double>(shared_.candidates_++);
  turn_ = turns - std::floor(turns);
}

// Batches from `first` to before `last`, beginning elsewhere for every candidate: those that begin
// alike and are measured at the same time do not wait for one another, but each computes what the
// other will come to later.
std::vector<std::size_t> StagedNetworks::Candidate::in_turn(std::size_t first,
                                                            std::size_t last) const {
  std::vector<std::size_t> batches(last - first);
  std::iota(batches.begin(), batches.end(), first);
  const double begin = turn_ * static_cast<double>(batches.size());
  std::ranges::rotate(batches, batches.begin() + static_cast<std::ptrdiff_t>(begin));
  return batches;
}

Network& StagedNetworks::Candidate::network(std::size_t stage) {
  std::optional<Network>& network = networks_[stage];
  if (!network) {
    network.emplace(
        parts_[stage].graph, core::Rng(0), Network::Options{.device = shared_.options_.device});
    network->load(weights_, "the supernet's weights");
    if (statistics_[stage]) train::set_statistics(*network, *statistics_[stage]);
  }
  return *network;
}

void StagedNetworks::Candidate::set_statistics(std::size_t stage,
                                               const train::Statistics& measured) {
  train::Statistics statistics = measured;
  if (reference_)
    statistics = train::aligned(measured, in(*reference_, stage), in(weights_, stage));
  statistics_[stage] = statistics;
  if (networks_[stage]) train::set_statistics(*networks_[stage], statistics);
}

// The statistics that some weights of the candidate have for a stage.
train::Statistics StagedNetworks::Candidate::in(const weights::ArrayMap& weights,
                                                std::size_t stage) {
  train::Statistics statistics;
  for (const auto& [name, buffer] : network(stage).buffers()) {
    std::vector<float> values = weights.arrays.at(name).to_floats();
    const Tensor view = at::from_blob(values.data(), {std::ssize(values)}, at::kFloat);
    statistics.push_back(view.clone().to(buffer.device()));
  }
  return statistics;
}

// Makes sure that all statistics are those of this candidate; false when stopped.
bool StagedNetworks::Candidate::calibrate(const core::StopFlag& stop) {
  if (calibrated_ || shared_.options_.batch_norm == BatchNormMode::kFrozen) return true;
  if (shared_.options_.batch_norm == BatchNormMode::kAligned && !is_reference_) {
    const weights::ArrayMap* reference = shared_.reference(stop);
    if (reference == nullptr) return false;
    reference_ = supernet::selected(shared_.supernet_.graph, *reference, channels_);
  }
  std::vector<std::size_t> missing;
  std::size_t needed = 0;  // stages: those up to the last with batch norms
  for (std::size_t stage = 0; stage < parts_.size(); ++stage) {
    if (!has_norms(parts_[stage])) continue;
    needed = stage + 1;
    if (const auto known = shared_.cache_.find(statistics_key(stage))) {
      set_statistics(stage, known->statistics);
    } else {
      missing.push_back(stage);
    }
  }
  for (const PictureBatch& batch : shared_.calibration_) {
    for (std::size_t stage = 0; stage < needed; ++stage) shared_.count(parts_[stage], batch, false);
  }
  calibrated_ = missing.empty() || estimate(missing, stop);
  return calibrated_;
}

// The statistics of some stages: the means of the batches', in the batches' order.
bool StagedNetworks::Candidate::estimate(const std::vector<std::size_t>& stages,
                                         const core::StopFlag& stop) {
  const std::size_t batches = shared_.calibration_.size();
  std::vector<std::vector<train::Statistics>> measured(batches);  // and stage
  for (const std::size_t b : in_turn(0, batches)) {
    Walk walk(*this, shared_.calibration_[b], fmt::format("calibration {}", b), true, stop);
    for (const std::size_t stage : stages) {
      const ValueCache::Kept value = walk.after(stage);
      if (!value) return false;
      measured[b].push_back(value->statistics);
    }
  }
  for (std::size_t i = 0; i < stages.size(); ++i) {
    train::StatisticsMean mean;
    for (std::size_t b = 0; b < batches; ++b)
      mean.add(measured[b][i], std::ssize(shared_.calibration_[b]));
    auto value = std::make_shared<Value>();
    value->statistics = mean.mean();
    set_statistics(stages[i], value->statistics);
    shared_.cache_.keep(statistics_key(stages[i]), value);
  }
  return true;
}

StagedNetworks::Measured StagedNetworks::Candidate::measure(std::size_t first,
                                                            std::size_t last,
                                                            const core::StopFlag& stop) {
  core::require(first <= last && last <= shared_.validation_.size(),
                "batches {} to {} of {}",
                first,
                last,
                shared_.validation_.size());
  if (!calibrate(stop)) return {End::kStopped, {}};
  Measured measured;
  measured.batches.resize(last - first, metric::ConfusionMatrix(shared_.classes_));
  for (const std::size_t b : in_turn(first, last)) {
    const PictureBatch& batch = shared_.validation_[b];
    for (const StageGraph& part : parts_) shared_.count(part, batch, false);
    Walk walk(*this, batch, fmt::format("validation {}", b), false, stop);
    const ValueCache::Kept value = walk.after(parts_.size() - 1);
    if (!value) return {End::kStopped, {}};
    const Tensor& logits = value->maps.at(shared_.supernet_.graph.output("logits"));
    if (!logits.isfinite().all().item<bool>()) return {End::kNotFinite, {}};
    measured.batches[b - first] =
        matrix_of(logits, batch, shared_.classes_, network::Kernels::kFast);
  }
  return measured;
}

StagedNetworks::StagedNetworks(graph::Supernet supernet,
                               weights::ArrayMap weights,
                               std::vector<PictureBatch> calibration,
                               std::vector<PictureBatch> validation,
                               int classes,
                               Options options)
    : supernet_(std::move(supernet)),
      weights_(std::move(weights)),
      calibration_(std::move(calibration)),
      validation_(std::move(validation)),
      classes_(classes),
      options_(options),
      stages_(supernet::stages_of(supernet_)),
      cache_(options.memory_bytes) {
  supernet::check_weights(supernet_.graph, weights_);
  core::require(options_.batch_norm == BatchNormMode::kFrozen || !calibration_.empty(),
                "recalibration without pictures");
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
    const auto size = static_cast<std::size_t>(stages_[stage].last - stages_[stage].first + 1);
    stage_of_.insert(stage_of_.end(), size, stage);
  }
}

std::int64_t StagedNetworks::pictures(std::size_t first, std::size_t last) const {
  std::int64_t count = 0;
  for (std::size_t b = first; b < last; ++b) count += std::ssize(validation_[b]);
  return count;
}

const weights::ArrayMap* StagedNetworks::reference(const core::StopFlag& stop) {
  const std::lock_guard lock(reference_mutex_);
  if (reference_) return &*reference_;
  Candidate whole(*this, graph::Choices(supernet_.sites.size(), 0));
  whole.is_reference_ = true;
  if (!whole.calibrate(stop)) return nullptr;
  weights::ArrayMap measured = weights_;
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
    if (!whole.statistics_[stage]) continue;
    const auto buffers = whole.network(stage).buffers();
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const Tensor values = (*whole.statistics_[stage])[i].to(at::kCPU).contiguous();
      weights::Array& array = measured.arrays.at(buffers[i].first);
      array = weights::Array::from_floats(
          array.shape, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    }
  }
  reference_ = std::move(measured);
  return &*reference_;
}

// Notes a stage that a candidate needs, or that was computed.
void StagedNetworks::count(const StageGraph& part, const PictureBatch& pictures, bool computed) {
  if (part.graph.nodes.empty()) return;
  const double macs = macs_of(part, pictures);
  const std::lock_guard lock(usage_mutex_);
  ++(computed ? usage_.computed_stages : usage_.stages);
  (computed ? usage_.computed_macs : usage_.macs) += macs;
}

StagedNetworks::Usage StagedNetworks::usage() const {
  const std::lock_guard lock(usage_mutex_);
  Usage usage = usage_;
  usage.kept_bytes = cache_.bytes();
  return usage;
}

}  // namespace parsimony::evaluate
