// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/data/image.h"
#include "parsimony/evaluate/value_cache.h"
#include "parsimony/metric/confusion.h"
#include "parsimony/network/network.h"
#include "parsimony/supernet/stages.h"

namespace parsimony::evaluate {

// What becomes of the batch norms' running statistics in a sub-sampled network: those of the
// channels kept, or new ones from forward passes over training pictures; or, where the supernet's
// own are not those of the training pictures, what makes up for the difference between part and
// supernet on these (train/recalibrate.h).
enum class BatchNormMode { kFrozen, kRecalibrated, kAligned };
inline constexpr std::array<std::string_view, 3> kBatchNormModeNames = {
    "frozen", "recalibrated", "aligned"};

// Pictures of one size, with labels, that go through networks together.
using PictureBatch = std::vector<data::Sample>;

// Measures candidates of one trained supernet without training any (FMAS: Xiong et al., arXiv
// 2303.16322). What the stages of a candidate leave of a batch is kept, so that candidates that
// begin alike compute alone only what differs. Scores do not depend, in any bit, on what is kept or
// on what other threads measure at the same time: kept values are what would be computed, and every
// batch takes its way alone.
//
// Recalibration goes with it: a calibration batch is normalised by its own statistics in every
// stage, so it needs no other batch either, and the statistics of a stage are its batches' mean.
//
//   StagedNetworks networks(supernet, weights, calibration, validation, 21, {});
//   StagedNetworks::Candidate candidate(networks, choices);
//   const auto measured = candidate.measure(0, networks.batches(), stop);
class StagedNetworks {
 public:
  struct Options {
    BatchNormMode batch_norm = BatchNormMode::kRecalibrated;
    // Of what is kept. 0: nothing, every candidate is on its own; then and beyond it, a candidate
    // being measured holds what one batch leaves in a few stages.
    double memory_bytes = 4.0 * (1 << 30);
    at::Device device = at::kCPU;
  };

  // `weights`: of the supernet, ordered (supernet/importance.h). `calibration`: training pictures,
  // not read with kFrozen; at least two a batch where the network pools a map to one pixel.
  // A user error of supernet::check_weights.
  StagedNetworks(graph::Supernet supernet,
                 weights::ArrayMap weights,
                 std::vector<PictureBatch> calibration,
                 std::vector<PictureBatch> validation,
                 int classes,
                 Options options);

  std::size_t batches() const { return validation_.size(); }
  std::int64_t pictures(std::size_t first, std::size_t last) const;

  // Work done and avoided; a stage counts once for every batch.
  struct Usage {
    std::int64_t stages = 0, computed_stages = 0;
    // Multiply-accumulates; `macs` is what the candidates would have needed each on its own.
    double macs = 0, computed_macs = 0;
    double kept_bytes = 0;
  };
  Usage usage() const;

  enum class End { kFinished, kStopped, kNotFinite };
  struct Measured {
    End end = End::kFinished;
    std::vector<metric::ConfusionMatrix> batches;  // one each
  };

  // One candidate, for one thread, which uses as many threads as LibTorch was told to. Any number
  // of candidates may be measured at once; who needs what another is computing waits for it.
  class Candidate {
   public:
    // User errors of graph::subsample.
    Candidate(StagedNetworks& networks, const graph::Choices& choices);
    // On the validation batches from `first` to before `last`. kNotFinite: the network gave a logit
    // that is no number; then and when stopped, no matrices.
    Measured measure(std::size_t first, std::size_t last, const core::StopFlag& stop);

   private:
    class Walk;
    bool calibrate(const core::StopFlag& stop);
    bool estimate(const std::vector<std::size_t>& stages, const core::StopFlag& stop);
    std::vector<std::size_t> in_turn(std::size_t first, std::size_t last) const;
    std::string statistics_key(std::size_t stage) const { return keys_[stage] + "statistics"; }
    network::Network& network(std::size_t stage);
    void set_statistics(std::size_t stage, const train::Statistics& measured);
    train::Statistics in(const weights::ArrayMap& weights, std::size_t stage);

    StagedNetworks& shared_;
    std::map<std::string, graph::ChannelSlice> channels_;
    std::optional<weights::ArrayMap> reference_;  // kAligned: of StagedNetworks::reference()
    weights::ArrayMap weights_;
    std::vector<supernet::StageGraph> parts_;
    std::vector<std::string> keys_;  // of each stage: its choices and those of all before it
    std::vector<std::optional<network::Network>> networks_;  // built when first needed
    std::vector<std::optional<train::Statistics>> statistics_;
    double turn_ = 0;  // where among the batches it begins, as a share of them
    bool calibrated_ = false;
    bool is_reference_ = false;  // whose statistics are those that others are aligned with

    friend class StagedNetworks;
  };

 private:
  // The supernet's weights with what its statistics are on the calibration pictures; null when
  // stopped. Measured when first asked for.
  const weights::ArrayMap* reference(const core::StopFlag& stop);
  void count(const supernet::StageGraph& part, const PictureBatch& pictures, bool computed);

  const graph::Supernet supernet_;
  const weights::ArrayMap weights_;
  const std::vector<PictureBatch> calibration_, validation_;
  const int classes_;
  const Options options_;
  const std::vector<supernet::Stage> stages_;
  std::vector<std::size_t> stage_of_;  // each of the supernet's nodes
  ValueCache cache_;
  std::atomic<std::int64_t> candidates_ = 0;
  std::mutex reference_mutex_;
  std::optional<weights::ArrayMap> reference_;
  mutable std::mutex usage_mutex_;
  Usage usage_;
};

}  // namespace parsimony::evaluate
