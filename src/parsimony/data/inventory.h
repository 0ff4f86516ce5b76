// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/data/depth_coding.h"
#include "parsimony/data/finding.h"
#include "parsimony/data/label_coding.h"

namespace parsimony::data {

inline constexpr std::array kSplits = {Split::kTrain, Split::kVal, Split::kTest};

// A label file that shows one class only.
struct LabelPart {
  std::filesystem::path file;
  std::uint8_t id = 0;  // class id
};

// A part of a picture, which it may reach beyond to the right and below.
struct PixelBox {
  std::int64_t x = 0, y = 0;
  std::int64_t width = 0, height = 0;
};

// One sample as files.
struct Entry {
  std::string id;
  std::filesystem::path image;
  std::filesystem::path labels = {};  // of composed labels: what findings on all of them name
  // Not empty: the label map is composed of these files, in this order (data/label_parts.h).
  std::vector<LabelPart> parts = {};
  // The class of the whole picture: then there is no label file, and `labels` is the picture.
  std::optional<std::uint8_t> picture_class = {};
  std::filesystem::path depth = {};  // empty where the set has none or it was not asked for
  std::optional<Pose> pose = {};
  // The sample is this part of the picture only, as far as it lies within; so is its pose.
  std::optional<PixelBox> box = {};
};

// The picture of a sample; a user error where it cannot be read.
Image read_picture(const Entry& entry);

// How part files become a label map.
struct LabelComposition {
  enum class Rule {
    kOverwrite,    // masks, non-zero = the class; later ones overwrite, no mask = class 0
    kMostProbable  // maps of probabilities, 255 = 1; the first of the largest
  };
  Rule rule = Rule::kOverwrite;
  double least_probability =
      0;  // kMostProbable: pixels whose largest value is below become kIgnore
};

// A data set folder as its lists and file names describe it, before any pixel is read. Every layout
// (data/layouts.h) is a function from a folder to an inventory; opening, checking and importing
// work on inventories only, so they cannot disagree about a layout.
struct Inventory {
  std::filesystem::path root;
  // Its targets are all that the set has. Entries and findings are about those only that the scan
  // was asked for.
  DatasetInfo info;
  LabelCoding coding;            // of label maps that are one file
  LabelComposition composition;  // of label maps that are several
  DepthCoding depth;             // of depth files
  // Pictures may be larger or smaller than their labels; they are then scaled to them on reading.
  bool scales_pictures = false;
  // The folder names no classes: their number is the largest id in the labels plus one, and
  // `coding` accepts every value until that is known.
  bool classes_from_labels = false;
  std::array<std::vector<Entry>, 3> splits;  // samples of which everything exists
  std::vector<Finding> findings;             // what lists and file names show to be wrong

  std::vector<Entry>& at(Split split) { return splits[static_cast<std::size_t>(split)]; }
  const std::vector<Entry>& at(Split split) const {
    return splits[static_cast<std::size_t>(split)];
  }
  // A file as findings name it.
  std::string relative(const std::filesystem::path& file) const;
};

// What a scan of a set with `targets` looks for.
TargetSet wanted_of(TargetSet targets, const OpenOptions& options);

// Whether two sizes have the same ratio of width to height, exactly.
bool same_shape(const ImageSize& a, const ImageSize& b);

// Gives `inventory` the classes 0 .. count-1 without names.
void name_classes_by_number(Inventory& inventory, std::size_t count);

}  // namespace parsimony::data
