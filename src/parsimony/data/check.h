// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/data/codec.h"
#include "parsimony/data/dataset.h"
#include "parsimony/data/finding.h"

namespace parsimony::data {

// How often one class occurs; arrays are indexed by Split.
struct ClassStatistics {
  std::string name;
  std::array<std::int64_t, 3> pixels{};
  std::array<std::int64_t, 3> images{};  // pictures that hold at least one pixel of it
};

// How often one joint is labelled; arrays are indexed by Split.
struct JointStatistics {
  std::string name;
  std::array<std::int64_t, 3> labelled{};
  std::array<std::int64_t, 3> hidden{};  // of these, covered by something
};

// Of all valid pixels; metres.
struct DepthStatistics {
  double least = 0;
  double median = 0;  // of the pictures' medians
  double largest = 0;
  double valid = 0;  // share of pixels
};

// Everything `check` found out about a data set.
struct CheckReport {
  std::filesystem::path root;
  std::string name;
  std::string format;
  LabelKind label_kind = LabelKind::kPixels;
  TargetSet targets;              // what the set is labelled with
  std::vector<Finding> findings;  // errors first, then by kind and file
  std::vector<ClassStatistics> classes;
  std::vector<JointStatistics> joints;
  std::optional<DepthStatistics> depth;
  std::array<std::int64_t, 3> images{};  // complete samples per split
  std::array<std::int64_t, 3> ignored_pixels{};
  std::vector<std::pair<ImageSize, std::int64_t>> sizes;  // of pictures, most frequent first
  bool interrupted = false;  // stopped on request: findings are of the files seen so far
  bool strict = false;       // every warning fails

  // Neither errors nor warnings; notes are allowed. Unless strict, so are warnings of duplicate
  // pictures: published sets have them, and whoever compares with others' scores must keep them.
  bool ok() const;
};

// Reads every picture and all labels of a data set once, on context.threads threads, and reports
// all that is wrong with it, not only the first problem. Damage in the data is never an exception;
// only a folder that does not exist or has no known layout is (a user error).
//
//   CheckReport report = check_dataset("camvid", context);
//   std::cout << to_text(report);
//   return report.ok() ? 0 : 1;
CheckReport check_dataset(const std::filesystem::path& root, const core::Context& context);

// {"findings": [{"kind", "severity", "file", "detail", "remedy"}], "classes": [{"id", "name",
// "pixels", "images", ..}], "images": N, ..}; `pixels` and `images` of a class are sums over the
// splits. "joints" and "depth" are there where the set has them.
nlohmann::ordered_json to_json(const CheckReport& report);

// For people: counts, histogram with bars (of pixels, or of pictures where these are what has a
// class), joints, range of depths, findings grouped by kind with at most `files_per_kind`
// files each.
std::string to_text(const CheckReport& report, std::size_t files_per_kind = 8);

}  // namespace parsimony::data
