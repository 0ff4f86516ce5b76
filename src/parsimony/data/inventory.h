// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/data/finding.h"
#include "parsimony/data/label_coding.h"

namespace parsimony::data {

inline constexpr std::array kSplits = {Split::kTrain, Split::kVal, Split::kTest};

// One sample as files.
struct Entry {
  std::string id;
  std::filesystem::path image;
  std::filesystem::path labels;
};

// A data set folder as its lists and file names describe it, before any pixel is read. Every layout
// (data/layouts.h) is a function from a folder to an inventory; opening, checking and importing
// work on inventories only, so they cannot disagree about a layout.
struct Inventory {
  std::filesystem::path root;
  DatasetInfo info;
  LabelCoding coding;
  // The folder names no classes: their number is the largest id in the labels plus one, and
  // `coding` accepts every value until that is known.
  bool classes_from_labels = false;
  std::array<std::vector<Entry>, 3> splits;  // samples whose two files exist
  std::vector<Finding> findings;             // what lists and file names show to be wrong

  std::vector<Entry>& at(Split split) { return splits[static_cast<std::size_t>(split)]; }
  const std::vector<Entry>& at(Split split) const {
    return splits[static_cast<std::size_t>(split)];
  }
  // A file as findings name it.
  std::string relative(const std::filesystem::path& file) const;
};

// Gives `inventory` the classes 0 .. count-1 without names.
void name_classes_by_number(Inventory& inventory, std::size_t count);

}  // namespace parsimony::data
