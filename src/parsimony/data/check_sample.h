// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/data/inventory.h"
#include "parsimony/data/label_range.h"

namespace parsimony::data {

// Of the valid pixels of a depth map; metres.
struct DepthFacts {
  float least = 0, median = 0, largest = 0;
  std::int64_t pixels = 0;
};

// What `check` remembers of one sample after its pixels are gone.
struct SampleFacts {
  bool seen = false;  // false when the check was stopped before
  std::optional<ImageSize> image_size;
  std::string image_hash;  // of the decoded pixels; empty when unreadable
  struct IdCount {
    std::uint8_t id;
    std::int64_t pixels;
  };
  std::vector<IdCount> ids;           // class ids (and kIgnore) that occur
  std::vector<StrangeValue> strange;  // gray or palette values that are no class id
  std::optional<DepthFacts> depth;    // empty where no pixel is valid
  std::vector<Visibility> joints;     // of the pose
  std::vector<Finding> findings;

  std::int64_t pixels_of(std::uint8_t id) const;
  Histogram histogram() const;
};

// Reads the files of a sample; never throws for what is in them.
SampleFacts examine_sample(const Entry& entry, const Inventory& inventory);

// Depth map (check_depth.cpp) and pose (check_pose.cpp) of a sample whose picture was examined.
void examine_depth(const Entry& entry, const Inventory& inventory, SampleFacts& facts);
void examine_pose(const Entry& entry, const Inventory& inventory, SampleFacts& facts);

// What findings on all kinds of labels share.
Finding unreadable(FindingKind kind, const std::string& file, const std::exception& error);
void compare_sizes(const ImageSize& size,
                   std::string_view what,
                   const std::string& file,
                   const Inventory& inventory,
                   SampleFacts& facts);

// What is wrong with one label map that was read (check_labels.cpp).
std::vector<Finding> diagnose_labels(const RawLabels& raw,
                                     const CodedLabels& coded,
                                     const std::string& file,
                                     const Inventory& inventory);

// The finding for a label map of `pixels` pixels none of which counts (check_labels.cpp).
Finding all_ignored(std::int64_t pixels, const std::string& file);

// What only shows when all samples are known: `samples` is parallel to the splits of `inventory`
// (check_set.cpp). Settles the classes where the folder names none.
using SplitFacts = std::array<std::vector<SampleFacts>, 3>;
std::vector<Finding> diagnose_set(const SplitFacts& samples, Inventory& inventory);

}  // namespace parsimony::data
