// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/check.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <tuple>

#include "parsimony/core/parallel.h"
#include "parsimony/data/check_sample.h"
#include "parsimony/data/layouts.h"

namespace parsimony::data {
namespace {

constexpr std::int64_t kProgressSteps = 100;

SplitFacts examine_all(const Inventory& inventory, const core::Context& context) {
  SplitFacts samples;
  std::vector<std::pair<const Entry*, SampleFacts*>> work;
  for (std::size_t split = 0; split < samples.size(); ++split) {
    const std::vector<Entry>& entries = inventory.splits[split];
    samples[split].resize(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i)
      work.emplace_back(&entries[i], &samples[split][i]);
  }
  const auto count = static_cast<std::int64_t>(work.size());
  const std::int64_t step = std::max<std::int64_t>(1, count / kProgressSteps);
  std::atomic<std::int64_t> done{0};
  core::parallel_for(count, context.threads, [&](std::int64_t i) {
    if (context.stop.requested()) return;
    const auto& [entry, facts] = work[static_cast<std::size_t>(i)];
    *facts = examine_sample(*entry, inventory);
    const std::int64_t finished = ++done;
    if (finished % step == 0 || finished == count) {
      context.progress.advance(
          {"check", static_cast<double>(finished), static_cast<double>(count), entry->id});
    }
  });
  return samples;
}

void count_classes(const SplitFacts& samples, const Inventory& inventory, CheckReport& report) {
  for (const std::string& name : inventory.info.classes) report.classes.push_back({name, {}, {}});
  std::map<ImageSize, std::int64_t> sizes;
  for (std::size_t split = 0; split < samples.size(); ++split) {
    report.images[split] = static_cast<std::int64_t>(samples[split].size());
    for (const SampleFacts& facts : samples[split]) {
      if (facts.image_size) ++sizes[*facts.image_size];
      for (const auto& [id, pixels] : facts.ids) {
        if (id == LabelMap::kIgnore) {
          report.ignored_pixels[split] += pixels;
        } else if (id < report.classes.size()) {
          report.classes[id].pixels[split] += pixels;
          ++report.classes[id].images[split];
        }
      }
    }
  }
  report.sizes.assign(sizes.begin(), sizes.end());
  std::ranges::stable_sort(report.sizes,
                           [](const auto& a, const auto& b) { return a.second > b.second; });
}

void count_joints(const SplitFacts& samples, const Inventory& inventory, CheckReport& report) {
  for (const std::string& name : inventory.info.skeleton.joints)
    report.joints.push_back({name, {}, {}});
  for (std::size_t split = 0; split < samples.size(); ++split) {
    for (const SampleFacts& facts : samples[split]) {
      for (std::size_t i = 0; i < facts.joints.size(); ++i) {
        if (facts.joints[i] == Visibility::kAbsent) continue;
        ++report.joints[i].labelled[split];
        if (facts.joints[i] == Visibility::kHidden) ++report.joints[i].hidden[split];
      }
    }
  }
}

std::optional<DepthStatistics> depth_of_all(const SplitFacts& samples) {
  std::vector<double> medians;
  DepthStatistics all;
  double valid = 0, pixels = 0;
  for (const std::vector<SampleFacts>& split : samples) {
    for (const SampleFacts& facts : split) {
      if (!facts.depth || !facts.image_size) continue;
      all.least =
          medians.empty() ? facts.depth->least : std::min<double>(all.least, facts.depth->least);
      all.largest = std::max<double>(all.largest, facts.depth->largest);
      valid += static_cast<double>(facts.depth->pixels);
      pixels += static_cast<double>(facts.image_size->width * facts.image_size->height);
      medians.push_back(facts.depth->median);
    }
  }
  if (medians.empty()) return std::nullopt;
  const auto middle = medians.begin() + static_cast<std::ptrdiff_t>(medians.size() / 2);
  std::ranges::nth_element(medians, middle);
  all.median = *middle;
  all.valid = valid / pixels;
  return all;
}

bool was_interrupted(const SplitFacts& samples) {
  return std::ranges::any_of(samples, [](const std::vector<SampleFacts>& split) {
    return std::ranges::any_of(split, [](const SampleFacts& facts) { return !facts.seen; });
  });
}

void append(std::vector<Finding>& all, const std::vector<Finding>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

}  // namespace

bool CheckReport::ok() const {
  return std::ranges::all_of(findings, [this](const Finding& finding) {
    const bool duplicate = finding.kind == FindingKind::kDuplicateAcrossSplits ||
                           finding.kind == FindingKind::kDuplicateWithinSplit;
    return finding.severity == Severity::kNote || (duplicate && !strict);
  });
}

CheckReport check_dataset(const std::filesystem::path& root, const core::Context& context) {
  Inventory inventory = detect_layout(root).scan(root, {.targets = {}});
  const SplitFacts samples = examine_all(inventory, context);

  CheckReport report;
  report.root = root;
  report.interrupted = was_interrupted(samples);
  report.name = inventory.info.name;
  report.format = inventory.info.format;
  report.label_kind = inventory.info.label_kind;
  report.targets = inventory.info.targets;
  for (const std::vector<SampleFacts>& split : samples) {
    for (const SampleFacts& facts : split) append(report.findings, facts.findings);
  }
  // Without samples these explain why; what else could be said follows from them.
  const auto is_decisive = [](const Finding& finding) {
    return finding.kind == FindingKind::kTooManyClasses;
  };
  const bool decided =
      inventory.info.targets.empty() || std::ranges::any_of(inventory.findings, is_decisive);
  if (!report.interrupted && !decided) append(report.findings, diagnose_set(samples, inventory));
  append(report.findings, inventory.findings);
  std::ranges::stable_sort(report.findings, [](const Finding& a, const Finding& b) {
    return std::tuple(-static_cast<int>(a.severity), a.kind, a.file) <
           std::tuple(-static_cast<int>(b.severity), b.kind, b.file);
  });
  count_classes(samples, inventory, report);
  count_joints(samples, inventory, report);
  report.depth = depth_of_all(samples);
  return report;
}

}  // namespace parsimony::data
