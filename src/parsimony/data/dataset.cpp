// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/dataset.h"

#include <algorithm>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/data/augment.h"
#include "parsimony/data/codec.h"
#include "parsimony/data/file_dataset.h"
#include "parsimony/data/label_parts.h"

namespace parsimony::data {
namespace {

void check_index(Split split, std::int64_t index, std::int64_t size) {
  core::require(index >= 0 && index < size,
                "sample {} of split {} does not exist: it has {}",
                index,
                name_of(split),
                size);
}

// The picture at the size of its labels; left alone when their shapes differ.
Image scaled_to(const LabelMap& labels, Image image) {
  const ImageSize size{labels.width, labels.height};
  const ImageSize stored{image.width, image.height};
  if (size == stored || !same_shape(size, stored)) return image;
  return resize_bicubic(image, size.width, size.height);
}

template <typename Map>
void check_size(const Map& map,
                std::string_view what,
                const std::filesystem::path& file,
                const Image& image,
                const Entry& entry) {
  if (map.width == image.width && map.height == image.height) return;
  core::throw_user_error(
      "{}: the {} is {}x{} pixels, its picture {} {}x{}; expected equal sizes. Export it again at "
      "the picture's size, resampling with nearest neighbour only.",
      file.string(),
      what,
      map.width,
      map.height,
      entry.image.filename().string(),
      image.width,
      image.height);
}

void check_uniform(const LabelMap& labels, const std::filesystem::path& file) {
  const auto other = std::ranges::adjacent_find(labels.ids, std::ranges::not_equal_to());
  if (other == labels.ids.end()) return;
  core::throw_user_error(
      "{}: holds the ids {} and {}; expected one id in all pixels, because the data set's labels "
      "are one class a picture. Correct the label map, or the 'task' in dataset.json.",
      file.string(),
      *other,
      *std::next(other));
}

}  // namespace

std::string_view name_of(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kVal:
      return "val";
    case Split::kTest:
      return "test";
  }
  core::throw_internal_error("unknown split {}", static_cast<int>(split));
}

std::string_view name_of(LabelKind kind) {
  switch (kind) {
    case LabelKind::kPixels:
      return "pixels";
    case LabelKind::kPicture:
      return "picture";
  }
  core::throw_internal_error("unknown kind of label {}", static_cast<int>(kind));
}

std::int64_t FileDataset::size(Split split) const {
  return static_cast<std::int64_t>(inventory_.at(split).size());
}

const Entry& FileDataset::entry(Split split, std::int64_t index) const {
  check_index(split, index, size(split));
  return inventory_.at(split)[static_cast<std::size_t>(index)];
}

std::string FileDataset::id(Split split, std::int64_t index) const {
  return entry(split, index).id;
}

Sample FileDataset::read(Split split, std::int64_t index) const {
  const Entry& files = entry(split, index);
  const DatasetInfo& set = inventory_.info;
  Sample sample{.image = read_picture(files),
                .mirror_pairs = set.mirror_pairs,
                .joint_pairs = set.skeleton.mirror_pairs};
  if (set.targets.contains(Target::kClasses)) {
    sample.labels = read_labels(files, inventory_);
    if (set.label_kind == LabelKind::kPicture) check_uniform(sample.labels, files.labels);
    if (inventory_.scales_pictures)
      sample.image = scaled_to(sample.labels, std::move(sample.image));
    check_size(sample.labels, "label map", files.labels, sample.image, files);
  }
  if (set.targets.contains(Target::kDepth)) {
    sample.depth = read_depth(files.depth, inventory_.depth);
    check_size(sample.depth, "depth map", files.depth, sample.image, files);
  }
  if (set.targets.contains(Target::kPose)) sample.pose = files.pose;
  return sample;
}

void MemoryDataset::add(Split split, std::string id, Sample sample) {
  const Image& image = sample.image;
  const auto fits = [&image](const auto& map, bool expected) {
    return expected ? map.width == image.width && map.height == image.height
                    : map.width == 0 && map.height == 0;
  };
  const TargetSet targets = info_.targets;
  core::require(fits(sample.labels, targets.contains(Target::kClasses)),
                "sample '{}': picture {}x{} and labels {}x{} differ in size, or are no target",
                id,
                image.width,
                image.height,
                sample.labels.width,
                sample.labels.height);
  core::require(fits(sample.depth, targets.contains(Target::kDepth)),
                "sample '{}': picture {}x{} and depth {}x{} differ in size, or depth is no target",
                id,
                image.width,
                image.height,
                sample.depth.width,
                sample.depth.height);
  core::require(sample.pose ? targets.contains(Target::kPose) &&
                                  sample.pose->joints.size() == info_.skeleton.joints.size()
                            : !targets.contains(Target::kPose),
                "sample '{}': its pose does not have the {} joints of the set",
                id,
                info_.skeleton.joints.size());
  sample.mirror_pairs = info_.mirror_pairs;
  sample.joint_pairs = info_.skeleton.mirror_pairs;
  entries_[static_cast<std::size_t>(split)].push_back({std::move(id), std::move(sample)});
}

std::int64_t MemoryDataset::size(Split split) const {
  return static_cast<std::int64_t>(entries_[static_cast<std::size_t>(split)].size());
}

std::string MemoryDataset::id(Split split, std::int64_t index) const {
  check_index(split, index, size(split));
  return entries_[static_cast<std::size_t>(split)][static_cast<std::size_t>(index)].id;
}

Sample MemoryDataset::read(Split split, std::int64_t index) const {
  check_index(split, index, size(split));
  return entries_[static_cast<std::size_t>(split)][static_cast<std::size_t>(index)].sample;
}

}  // namespace parsimony::data
