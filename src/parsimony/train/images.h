// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/data/augment.h"
#include "parsimony/data/dataset.h"
#include "parsimony/network/tensor.h"
#include "parsimony/task/labels.h"

namespace parsimony::train {

using network::Tensor;

// Pictures and labels of equal size as tensors.
struct Batch {
  Tensor pictures;  // [N, 3, H, W] fp32, channels-last, normalised (graph/normalization.h)
  task::Labels labels;
  // Of a BatchStream: which sample each picture is a crop of, and where it lies.
  std::vector<std::int64_t> samples;
  std::vector<data::Crop> crops;
};
Batch to_batch(const std::vector<data::Sample>& samples);

// All samples of a split, decoded; a candidate's training reads them many times. Throws the data
// set's user errors.
std::vector<data::Sample> load_samples(const data::Dataset& dataset,
                                       data::Split split,
                                       const core::Context& context);

// An endless stream of augmented training batches, prepared ahead by `threads` threads. Which
// samples and crops batch i holds depends on the seed and i only: every epoch is a fresh
// permutation, cut into full batches (the rest of a permutation is dropped, as in the reference
// code).
class BatchStream {
 public:
  BatchStream(const std::vector<data::Sample>& samples,
              const data::AugmentOptions& augment,
              std::int64_t batch_size,
              core::Rng rng,
              int threads);
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  std::int64_t batches_per_epoch() const;
  // Batch `index` of `epoch`, in any order; consecutive calls are fastest.
  Batch get(std::int64_t epoch, std::int64_t index);

 private:
  struct Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace parsimony::train
