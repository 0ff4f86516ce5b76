// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/check_sample.h"

#include <fmt/format.h>

#include <exception>
#include <span>

#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/data/label_parts.h"

namespace parsimony::data {
namespace {

// Equal pictures saved twice are duplicates even when their files differ.
std::string hash_of(const Image& image) {
  return core::sha256(image.pixels) + fmt::format("{}x{}", image.width, image.height);
}

void examine_image(const Entry& entry, const Inventory& inventory, SampleFacts& facts) {
  try {
    const Image image = read_picture(entry);
    facts.image_size = ImageSize{image.width, image.height};
    facts.image_hash = hash_of(image);
  } catch (const std::exception& error) {
    facts.findings.push_back(
        unreadable(FindingKind::kUnreadableImage, inventory.relative(entry.image), error));
  }
}

Finding size_mismatch(const ImageSize& image,
                      const ImageSize& labels,
                      std::string_view what,
                      const std::string& file) {
  const bool turned = image.width == labels.height && image.height == labels.width;
  return {
      FindingKind::kSizeMismatch,
      Severity::kError,
      file,
      fmt::format(
          "the {} is {}x{} pixels, its picture {}x{}{}",
          what,
          labels.width,
          labels.height,
          image.width,
          image.height,
          turned ? ": one of them was turned by 90 degrees (EXIF rotation is not applied)" : ""),
      turned ? fmt::format(
                   "turn the pixels of the picture for good (`exiftran -ai FILE`) or turn the {}",
                   what)
             : fmt::format("export the {} again at the picture's size, or resize it with nearest "
                           "neighbour; any other resampling invents values",
                           what)};
}

// Strange pixels were set to kIgnore; they are counted apart.
void count_pixels(const LabelMap& labels, std::int64_t strange, SampleFacts& facts) {
  Histogram histogram = count_ids(labels);
  histogram[LabelMap::kIgnore] -= strange;
  for (std::size_t id = 0; id < histogram.size(); ++id) {
    if (histogram[id] > 0) facts.ids.push_back({static_cast<std::uint8_t>(id), histogram[id]});
  }
}

Finding mixed_label(const SampleFacts& facts, const std::string& file) {
  std::vector<std::string> ids;
  for (const SampleFacts::IdCount& count : facts.ids) ids.push_back(std::to_string(count.id));
  return {FindingKind::kMixedLabel,
          Severity::kError,
          file,
          fmt::format("holds the ids {}, but the labels of the data set are one class a picture",
                      core::join(ids, ", ")),
          "give all pixels the class of the picture, or correct the 'task' in dataset.json"};
}

void examine_parts(const Entry& entry, const Inventory& inventory, SampleFacts& facts) {
  const std::optional<LabelMap> labels = compose_labels(entry, inventory, facts.findings);
  if (!labels) return;
  count_pixels(*labels, 0, facts);
  const std::string file = inventory.relative(entry.labels);
  compare_sizes({labels->width, labels->height}, "label map", file, inventory, facts);
  const auto pixels = static_cast<std::int64_t>(labels->ids.size());
  if (facts.pixels_of(LabelMap::kIgnore) == pixels)
    facts.findings.push_back(all_ignored(pixels, file));
}

void examine_labels(const Entry& entry, const Inventory& inventory, SampleFacts& facts) {
  const std::string file = inventory.relative(entry.labels);
  try {
    const RawLabels raw = read_raw_labels(entry.labels, inventory.coding);
    const CodedLabels coded = code_labels(raw, inventory.coding);
    count_pixels(coded.labels, coded.strange_pixels, facts);
    if (!coded.in_colour) facts.strange = coded.strange;
    compare_sizes({coded.labels.width, coded.labels.height}, "label map", file, inventory, facts);
    if (inventory.info.label_kind == LabelKind::kPicture && facts.ids.size() > 1)
      facts.findings.push_back(mixed_label(facts, file));
    for (Finding& finding : diagnose_labels(raw, coded, file, inventory)) {
      facts.findings.push_back(std::move(finding));
    }
  } catch (const std::exception& error) {
    facts.findings.push_back(unreadable(FindingKind::kUnreadableLabel, file, error));
  }
}

void examine_classes(const Entry& entry, const Inventory& inventory, SampleFacts& facts) {
  if (entry.picture_class) {
    if (facts.image_size)
      facts.ids = {{*entry.picture_class, facts.image_size->width * facts.image_size->height}};
  } else if (entry.parts.empty()) {
    examine_labels(entry, inventory, facts);
  } else {
    examine_parts(entry, inventory, facts);
  }
}

}  // namespace

Finding unreadable(FindingKind kind, const std::string& file, const std::exception& error) {
  return {
      kind,
      Severity::kError,
      file,
      error.what(),
      "fetch or export the file again, or delete it together with its partner and its list entry"};
}

void compare_sizes(const ImageSize& size,
                   std::string_view what,
                   const std::string& file,
                   const Inventory& inventory,
                   SampleFacts& facts) {
  if (!facts.image_size || *facts.image_size == size) return;
  if (inventory.scales_pictures && same_shape(*facts.image_size, size)) return;
  facts.findings.push_back(size_mismatch(*facts.image_size, size, what, file));
}

std::int64_t SampleFacts::pixels_of(std::uint8_t id) const {
  for (const IdCount& count : ids) {
    if (count.id == id) return count.pixels;
  }
  return 0;
}

Histogram SampleFacts::histogram() const {
  Histogram histogram{};
  for (const IdCount& count : ids) histogram[count.id] = count.pixels;
  return histogram;
}

SampleFacts examine_sample(const Entry& entry, const Inventory& inventory) {
  SampleFacts facts;
  facts.seen = true;
  examine_image(entry, inventory, facts);
  const TargetSet targets = inventory.info.targets;
  if (targets.contains(Target::kClasses)) examine_classes(entry, inventory, facts);
  if (targets.contains(Target::kDepth)) examine_depth(entry, inventory, facts);
  if (targets.contains(Target::kPose)) examine_pose(entry, inventory, facts);
  return facts;
}

}  // namespace parsimony::data
