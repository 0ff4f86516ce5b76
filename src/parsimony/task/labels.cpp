// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/labels.h"

#include <algorithm>

#include "parsimony/core/error.h"

namespace parsimony::task {
namespace {

// A map [N, H, W] at the centres of the cells of another grid.
Tensor at_centres(const Tensor& map, std::int64_t height, std::int64_t width) {
  if (map.size(1) == height && map.size(2) == width) return map;
  const auto indices = [&](std::int64_t from, std::int64_t to) {
    const Tensor centres = (at::arange(to, map.options().dtype(at::kDouble)) + 0.5) *
                           (static_cast<double>(from) / static_cast<double>(to));
    return centres.floor().to(at::kLong).clamp_max(from - 1);
  };
  return map.index_select(1, indices(map.size(1), height))
      .index_select(2, indices(map.size(2), width));
}

// One map for each sample, side by side in memory.
template <typename Value, typename MapOf>
Tensor stacked(const std::vector<data::Sample>& samples, at::ScalarType type, MapOf map_of) {
  const auto& [height, width] =
      std::pair(samples.front().image.height, samples.front().image.width);
  Tensor maps = at::empty({std::ssize(samples), height, width}, type);
  Value* out = maps.data_ptr<Value>();
  for (const data::Sample& sample : samples) {
    const std::vector<Value>& map = map_of(sample);
    core::require(std::ssize(map) == height * width,
                  "a sample's labels have {} pixels, its picture {} x {}",
                  map.size(),
                  width,
                  height);
    out = std::copy(map.begin(), map.end(), out);
  }
  return maps;
}

void add_poses(Labels& labels, const std::vector<data::Sample>& samples) {
  const auto joints = std::ssize(samples.front().pose->joints);
  labels.joints = at::empty({std::ssize(samples), joints, 3}, at::kFloat);
  labels.people = at::empty({std::ssize(samples), 2}, at::kFloat);
  float* joint_out = labels.joints.data_ptr<float>();
  float* person_out = labels.people.data_ptr<float>();
  for (const data::Sample& sample : samples) {
    core::require(sample.pose && std::ssize(sample.pose->joints) == joints,
                  "samples of one batch differ in their numbers of joints");
    for (const data::Joint& joint : sample.pose->joints) {
      for (const float value : {joint.x, joint.y, static_cast<float>(joint.visibility)})
        *joint_out++ = value;
    }
    *person_out++ = static_cast<float>(sample.pose->head_size);
    *person_out++ = static_cast<float>(sample.pose->area);
  }
}

}  // namespace

Labels Labels::select(const Tensor& indices) const {
  return changed([&](const Tensor& tensor) { return tensor.index_select(0, indices); });
}

Labels Labels::narrow(std::int64_t first, std::int64_t count) const {
  return changed([&](const Tensor& tensor) { return tensor.narrow(0, first, count); });
}

Labels Labels::on_grid(std::int64_t grid_height, std::int64_t grid_width) const {
  Labels result = *this;
  if (classes.defined()) result.classes = at_centres(classes, grid_height, grid_width);
  if (depth.defined()) result.depth = at_centres(depth, grid_height, grid_width);
  return result;
}

Labels labels_of(const std::vector<data::Sample>& samples) {
  core::require(!samples.empty(), "labels of no samples were asked for");
  const data::Sample& first = samples.front();
  Labels labels{.height = first.image.height, .width = first.image.width};
  for (const data::Sample& sample : samples) {
    core::require(sample.image.height == labels.height && sample.image.width == labels.width,
                  "samples of one batch differ in size");
  }
  if (!first.labels.ids.empty()) {
    labels.classes = stacked<std::uint8_t>(
        samples, at::kByte, [](const auto& sample) -> const auto& { return sample.labels.ids; });
  }
  if (!first.depth.metres.empty()) {
    labels.depth = stacked<float>(
        samples, at::kFloat, [](const auto& sample) -> const auto& { return sample.depth.metres; });
  }
  if (first.pose) add_poses(labels, samples);
  return labels;
}

data::Pose pose_of(const Labels& labels, std::int64_t picture) {
  const Tensor joints = labels.joints[picture].to(at::kCPU).contiguous();
  const Tensor person = labels.people[picture].to(at::kCPU).contiguous();
  data::Pose pose;
  pose.head_size = person.data_ptr<float>()[0];
  pose.area = person.data_ptr<float>()[1];
  const float* value = joints.data_ptr<float>();
  for (std::int64_t j = 0; j < joints.size(0); ++j, value += 3)
    pose.joints.push_back({value[0], value[1], static_cast<data::Visibility>(value[2])});
  return pose;
}

}  // namespace parsimony::task
