// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "parsimony/data/check_sample.h"
#include "parsimony/data/depth_coding.h"

namespace parsimony::data {
namespace {

Finding coarse(const RawLabels& raw, const DepthCoding& coding, const std::string& file) {
  const std::set<std::uint8_t> numbers(raw.values.begin(), raw.values.end());
  return {FindingKind::kCoarseDepth,
          Severity::kWarning,
          file,
          fmt::format("has {} bit: {} different numbers in steps of {:.3g} m",
                      raw.bit_depth,
                      numbers.size(),
                      1 / coding.scale),
          "take the original depth maps and store them as gray PNG of 16 bit, for example in "
          "millimetres with a scale of 1000; 8 bit are too coarse to learn or to measure from"};
}

void remember(const DepthMap& depth, SampleFacts& facts) {
  const std::optional<float> median = median_of(depth);
  if (!median) return;
  DepthFacts found{.least = *median, .median = *median, .largest = *median};
  for (const float metres : depth.metres) {
    if (metres <= 0) continue;
    found.least = std::min(found.least, metres);
    found.largest = std::max(found.largest, metres);
    ++found.pixels;
  }
  facts.depth = found;
}

}  // namespace

void examine_depth(const Entry& entry, const Inventory& inventory, SampleFacts& facts) {
  const std::string file = inventory.relative(entry.depth);
  try {
    const RawLabels raw = read_raw_labels(entry.depth);
    const DepthMap depth = depth_of(raw, inventory.depth, entry.depth.string());
    compare_sizes({depth.width, depth.height}, "depth map", file, inventory, facts);
    if (raw.kind != RawLabels::Kind::kGray16)
      facts.findings.push_back(coarse(raw, inventory.depth, file));
    if (const std::optional<WrongUnit> wrong = find_wrong_unit(depth, inventory.depth.scale)) {
      facts.findings.push_back(
          {FindingKind::kDepthUnit, Severity::kError, file, wrong->detail, wrong->remedy});
    }
    remember(depth, facts);
    if (!facts.depth) {
      facts.findings.push_back(
          {FindingKind::kAllInvalidDepth,
           Severity::kWarning,
           file,
           fmt::format("none of its {} pixels has a depth", depth.metres.size()),
           fmt::format(
               "compare the file with its source ({} and 0 mean that there is no depth), or "
               "take the sample out: nothing can be learnt from it",
               inventory.depth.invalid)});
    }
  } catch (const std::exception& error) {
    facts.findings.push_back(unreadable(FindingKind::kUnreadableDepth, file, error));
  }
}

}  // namespace parsimony::data
