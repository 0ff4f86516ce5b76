// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/feature_cache.h"

#include <algorithm>
#include <memory>

#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/core/scratch_file.h"
#include "parsimony/graph/graph.h"
#include "parsimony/network/device.h"

namespace parsimony::train {
namespace {

constexpr std::int64_t kBatch = 8;

at::ScalarType type_of(CachePrecision precision) {
  return precision == CachePrecision::kFloat16 ? at::kHalf : at::kFloat;
}

// Uninitialised, in the device's memory or in a file; pictures are channels-last.
Tensor storage(const std::vector<std::int64_t>& shape,
               at::ScalarType type,
               at::Device device,
               const std::filesystem::path& spill_folder) {
  std::vector<std::int64_t> order = shape;  // of the dimensions in memory
  if (order.size() == 4) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  Tensor tensor;
  if (spill_folder.empty()) {
    tensor = at::empty(order, at::TensorOptions(type).device(device));
  } else {
    std::size_t bytes = c10::elementSize(type);
    for (const std::int64_t side : order) bytes *= static_cast<std::size_t>(side);
    const auto file = std::make_shared<core::ScratchFile>(spill_folder, bytes);
    tensor = at::from_blob(
        file->data(), order, [file](void*) {}, at::TensorOptions(type));
  }
  return order.size() == 4 ? tensor.permute({0, 3, 1, 2}) : tensor;
}

}  // namespace

std::int64_t cache_bytes_per_picture(const graph::Graph& encoder,
                                     graph::Size picture,
                                     std::int64_t label_bytes,
                                     std::int64_t teacher_channels,
                                     CachePrecision precision) {
  const std::vector<graph::Shape> shapes = graph::infer_shapes(encoder, picture);
  const std::int64_t bytes = precision == CachePrecision::kFloat16 ? 2 : 4;
  std::int64_t sum = label_bytes;
  for (const graph::Output& tap : encoder.outputs)
    sum += bytes * shapes[static_cast<std::size_t>(tap.node)].elements();
  const graph::Shape& finest = shapes[static_cast<std::size_t>(encoder.outputs.at(0).node)];
  return sum + bytes * teacher_channels * finest.height * finest.width;
}

FeatureBatch build_cache(network::Network& encoder,
                         network::Network* teacher,
                         const CacheRequest& request,
                         const core::Context& context) {
  core::require(request.count > 0, "an empty feature cache was asked for");
  const at::NoGradGuard no_grad;
  FeatureBatch cache;
  const auto store =
      [&](Tensor& into, std::int64_t first, const Tensor& values, at::ScalarType type) {
        if (!into.defined()) {
          std::vector<std::int64_t> shape = values.sizes().vec();
          shape[0] = request.count;
          into = storage(shape, type, encoder.options().device, request.spill_folder);
        }
        into.narrow(0, first, values.size(0)).copy_(values);
      };

  for (std::int64_t first = 0; first < request.count; first += kBatch) {
    if (context.stop.requested()) return {};
    const std::int64_t count = std::min(kBatch, request.count - first);
    std::vector<data::Sample> samples(static_cast<std::size_t>(count));
    core::parallel_for(count, context.threads, [&](std::int64_t i) {
      samples[static_cast<std::size_t>(i)] = request.make(first + i);
    });
    const Batch batch = to_batch(samples);
    const std::vector<Tensor> taps = encoder.forward({batch.pictures}, network::Phase::kEvaluation);
    cache.taps.resize(taps.size());
    for (std::size_t t = 0; t < taps.size(); ++t)
      store(cache.taps[t], first, taps[t], type_of(request.precision));
    const std::int64_t height = taps[0].size(2);
    const std::int64_t width = taps[0].size(3);
    const task::Labels labels =
        request.labels_at_tap ? batch.labels.on_grid(height, width) : batch.labels;
    cache.labels.height = labels.height;
    cache.labels.width = labels.width;
    for (const auto part : task::Labels::kParts) {
      if ((labels.*part).defined())
        store(cache.labels.*part, first, labels.*part, (labels.*part).scalar_type());
    }
    if (teacher != nullptr) {
      const Tensor logits = teacher->logits({batch.pictures}, network::Phase::kEvaluation);
      store(cache.teacher,
            first,
            network::resize_bilinear(logits, height, width),
            type_of(request.precision));
    }
    context.progress.advance(
        {request.task, static_cast<double>(first + count), static_cast<double>(request.count), ""});
  }
  network::wait_for(encoder.options().device);
  return cache;
}

}  // namespace parsimony::train
