// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/teacher_maps.h"

#include "parsimony/graph/graph.h"

namespace parsimony::train {
namespace {

constexpr std::int64_t kStride = 4;  // of the outputs of all networks

// Positions of the centres of `count` cells over one side of a crop, in the picture: 0 and 1 are
// its edges.
Tensor positions(
    std::int64_t count, std::int64_t start, std::int64_t side, std::int64_t scaled, bool mirrored) {
  Tensor within = (at::arange(count, at::kFloat) + 0.5) * (static_cast<double>(side) / count);
  if (mirrored) within = static_cast<double>(side) - within;
  return (within + static_cast<double>(start)) / static_cast<double>(scaled);
}

Tensor is_inside(const Tensor& positions) {
  return (positions >= 0).logical_and(positions <= 1);
}

}  // namespace

TeacherMaps::TeacherMaps(network::Network& teacher,
                         const task::Task& task,
                         const std::vector<data::Sample>& samples,
                         const core::Context& context,
                         const std::string& name)
    : task_(task), samples_(samples) {
  const at::NoGradGuard no_grad;
  for (const data::Sample& sample : samples) {
    if (context.stop.requested()) return;
    const Batch picture = to_batch({sample});
    maps_.push_back(teacher.logits({picture.pictures}, network::Phase::kEvaluation)
                        .to(at::kCPU, at::kHalf)
                        .contiguous());
    context.progress.advance(
        {name, static_cast<double>(maps_.size()), static_cast<double>(samples.size()), ""});
  }
  complete_ = true;
}

TeacherMaps::Targets TeacherMaps::cut(const Batch& batch,
                                      std::int64_t height,
                                      std::int64_t width) const {
  const at::NoGradGuard no_grad;
  std::vector<Tensor> outputs, inside;
  for (std::size_t n = 0; n < batch.samples.size(); ++n) {
    const data::Crop& crop = batch.crops[n];
    const auto index = static_cast<std::size_t>(batch.samples[n]);
    const Tensor x = positions(width, crop.x, crop.side, crop.scaled_width, crop.mirrored);
    const Tensor y = positions(height, crop.y, crop.side, crop.scaled_height, false);
    const Tensor grid =
        at::stack({x.expand({height, width}), y.view({-1, 1}).expand({height, width})},
                  /*dim=*/-1);
    // The grid's corners are -1 and 1; beyond the border, the border's values.
    Tensor map = at::grid_sampler_2d(maps_[index].to(at::kFloat),
                                     grid.unsqueeze(0) * 2 - 1,
                                     /*interpolation_mode=*/0,
                                     /*padding_mode=*/1,
                                     /*align_corners=*/false);
    if (crop.mirrored)
      map = map.index_select(1, at::tensor(task_.mirrored_channels(samples_[index]), at::kLong));
    outputs.push_back(map);
    inside.push_back(
        is_inside(y).view({1, 1, -1, 1}).logical_and(is_inside(x).view({1, 1, 1, -1})));
  }
  return {at::cat(outputs), at::cat(inside).to(at::kFloat)};
}

double TeacherMaps::bytes(const std::vector<data::Sample>& samples, int channels) {
  double total = 0;
  for (const data::Sample& sample : samples) {
    total += 2.0 * channels * static_cast<double>(graph::strided(sample.image.height, kStride)) *
             static_cast<double>(graph::strided(sample.image.width, kStride));
  }
  return total;
}

}  // namespace parsimony::train
