// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/images.h"

#include <deque>
#include <future>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/graph/normalization.h"

namespace parsimony::train {

Batch to_batch(const std::vector<data::Sample>& samples) {
  core::require(!samples.empty(), "a batch needs at least one sample");
  const std::int64_t height = samples[0].image.height;
  const std::int64_t width = samples[0].image.width;
  const auto count = static_cast<std::int64_t>(samples.size());
  Batch batch;
  batch.labels = task::labels_of(samples);
  batch.pictures = at::empty(
      {count, 3, height, width}, at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast);
  const auto& [mean, deviation] = graph::kImagenetNormalization;
  float table[3][256];
  for (std::size_t c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v)
      table[c][v] = static_cast<float>((v / 255.0 - mean[c]) / deviation[c]);
  }
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const data::Sample& sample = samples[n];
    float* out =
        batch.pictures.data_ptr<float>() + static_cast<std::int64_t>(n) * height * width * 3;
    const std::uint8_t* in = sample.image.pixels.data();
    for (std::int64_t i = 0; i < height * width * 3; i += 3) {
      for (int c = 0; c < 3; ++c) out[i + c] = table[c][in[i + c]];
    }
  }
  return batch;
}

std::vector<data::Sample> load_samples(const data::Dataset& dataset,
                                       data::Split split,
                                       const core::Context& context) {
  std::vector<data::Sample> samples(static_cast<std::size_t>(dataset.size(split)));
  core::parallel_for(dataset.size(split), context.threads, [&](std::int64_t i) {
    samples[static_cast<std::size_t>(i)] = dataset.read(split, i);
  });
  return samples;
}

struct BatchStream::Worker {
  const std::vector<data::Sample>& samples;
  data::AugmentOptions augment;
  std::int64_t batch_size;
  core::Rng rng;
  int threads;

  std::int64_t permutation_epoch = -1;
  std::vector<std::int64_t> permutation;

  struct Pending {
    std::int64_t epoch, index;
    std::future<Batch> batch;
  };
  std::deque<Pending> ahead;

  std::int64_t batches_per_epoch() const {
    // A set smaller than the batch still makes one batch, of all its samples.
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(samples.size()) / batch_size);
  }

  std::vector<std::int64_t> members(std::int64_t epoch, std::int64_t index) {
    if (epoch != permutation_epoch) {
      permutation.resize(samples.size());
      std::iota(permutation.begin(), permutation.end(), 0);
      core::Rng order = rng.split("order").split(static_cast<std::uint64_t>(epoch));
      order.shuffle(permutation);
      permutation_epoch = epoch;
    }
    const auto first = permutation.begin() + index * batch_size;
    const auto last = std::min(first + batch_size, permutation.end());
    return {first, last};
  }

  Batch make(std::int64_t epoch, const std::vector<std::int64_t>& chosen) const {
    std::vector<data::Sample> pictures;
    std::vector<data::Crop> crops;
    pictures.reserve(chosen.size());
    for (const std::int64_t i : chosen) {
      core::Rng stream = rng.split("crop")
                             .split(static_cast<std::uint64_t>(epoch))
                             .split(static_cast<std::uint64_t>(i));
      const data::Sample& sample = samples[static_cast<std::size_t>(i)];
      pictures.push_back(data::augment(sample, augment, stream));
      crops.push_back(data::random_crop(sample, augment, stream));
    }
    Batch batch = to_batch(pictures);
    batch.samples = chosen;
    batch.crops = std::move(crops);
    return batch;
  }

  void schedule(std::int64_t epoch, std::int64_t index) {
    std::vector<std::int64_t> chosen = members(epoch, index);
    const auto policy = threads > 0 ? std::launch::async : std::launch::deferred;
    ahead.push_back({epoch, index, std::async(policy, [this, epoch, chosen = std::move(chosen)] {
                       return make(epoch, chosen);
                     })});
  }
};

BatchStream::BatchStream(const std::vector<data::Sample>& samples,
                         const data::AugmentOptions& augment,
                         std::int64_t batch_size,
                         core::Rng rng,
                         int threads)
    : worker_(new Worker{samples, augment, batch_size, rng, threads, -1, {}, {}}) {
  core::require(!samples.empty() && batch_size > 0,
                "a batch stream of {} samples, batch {}",
                samples.size(),
                batch_size);
}

BatchStream::~BatchStream() = default;

std::int64_t BatchStream::batches_per_epoch() const {
  return worker_->batches_per_epoch();
}

Batch BatchStream::get(std::int64_t epoch, std::int64_t index) {
  Worker& w = *worker_;
  core::require(
      index >= 0 && index < w.batches_per_epoch(), "batch {} of {}", index, w.batches_per_epoch());
  if (w.ahead.empty() || w.ahead.front().epoch != epoch || w.ahead.front().index != index) {
    w.ahead.clear();
    w.schedule(epoch, index);
  }
  Worker::Pending current = std::move(w.ahead.front());
  w.ahead.pop_front();
  const auto next = [&](std::int64_t e, std::int64_t i) {
    return i + 1 < w.batches_per_epoch() ? std::pair(e, i + 1) : std::pair(e + 1, std::int64_t{0});
  };
  auto [e, i] =
      w.ahead.empty() ? next(epoch, index) : next(w.ahead.back().epoch, w.ahead.back().index);
  while (static_cast<int>(w.ahead.size()) < w.threads) {
    w.schedule(e, i);
    std::tie(e, i) = next(e, i);
  }
  return current.batch.get();
}

}  // namespace parsimony::train
