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
  Sample sample{
      read_image(files.image), read_labels(files, inventory_), inventory_.info.mirror_pairs};
  if (inventory_.info.label_kind == LabelKind::kPicture) check_uniform(sample.labels, files.labels);
  if (inventory_.scales_pictures) sample.image = scaled_to(sample.labels, std::move(sample.image));
  if (sample.image.width != sample.labels.width || sample.image.height != sample.labels.height) {
    core::throw_user_error(
        "{}: the label map is {}x{} pixels, its picture {} {}x{}; expected equal sizes. Export the "
        "labels "
        "again at the picture's size, resampling with nearest neighbour only.",
        files.labels.string(),
        sample.labels.width,
        sample.labels.height,
        files.image.filename().string(),
        sample.image.width,
        sample.image.height);
  }
  return sample;
}

void MemoryDataset::add(Split split, std::string id, Sample sample) {
  core::require(
      sample.image.width == sample.labels.width && sample.image.height == sample.labels.height,
      "sample '{}': picture {}x{} and labels {}x{} differ in size",
      id,
      sample.image.width,
      sample.image.height,
      sample.labels.width,
      sample.labels.height);
  sample.mirror_pairs = info_.mirror_pairs;
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
