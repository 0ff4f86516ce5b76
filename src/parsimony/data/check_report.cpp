// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "parsimony/core/text.h"
#include "parsimony/data/check.h"
#include "parsimony/data/inventory.h"

namespace parsimony::data {
namespace {

constexpr double kBarWidth = 30;
constexpr std::size_t kListedSizes = 5;

std::int64_t sum(const std::array<std::int64_t, 3>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
}

nlohmann::ordered_json by_split(const std::array<std::int64_t, 3>& parts) {
  nlohmann::ordered_json json;
  for (const Split split : kSplits)
    json[std::string(name_of(split))] = parts[static_cast<std::size_t>(split)];
  return json;
}

// Terminal cells of UTF-8 text, near enough for alignment: its code points.
std::size_t cells(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string pad(std::string_view text, std::size_t width) {
  return std::string(text) + std::string(width - std::min(width, cells(text)), ' ');
}

std::size_t name_width(const CheckReport& report) {
  std::size_t width = 5;
  for (const ClassStatistics& statistics : report.classes)
    width = std::max(width, cells(statistics.name));
  return width;
}

using CountsBySplit = std::array<std::int64_t, 3> ClassStatistics::*;

// How much of a column one class has.
struct Bar {
  double percent;
  std::string bar;  // as wide as the class is frequent, the most frequent one kBarWidth
};

std::vector<Bar> bars(const CheckReport& report, CountsBySplit counts) {
  std::int64_t all = 0;
  std::int64_t most = 1;
  for (const ClassStatistics& statistics : report.classes) {
    all += sum(statistics.*counts);
    most = std::max(most, sum(statistics.*counts));
  }
  std::vector<Bar> out;
  for (const ClassStatistics& statistics : report.classes) {
    const auto count = static_cast<double>(sum(statistics.*counts));
    const auto width = static_cast<std::size_t>(kBarWidth * count / static_cast<double>(most));
    out.push_back({all == 0 ? 0.0 : 100.0 * count / static_cast<double>(all),
                   std::string(count > 0 ? std::max<std::size_t>(width, 1) : 0, '#')});
  }
  return out;
}

std::string pixel_histogram(const CheckReport& report) {
  const std::size_t width = name_width(report);
  const std::vector<Bar> shares = bars(report, &ClassStatistics::pixels);
  std::string out = fmt::format(
      " id  {}  {:>10}  {:>7}  {:>7}\n", pad("class", width), "pixels", "share", "images");
  for (std::size_t id = 0; id < report.classes.size(); ++id) {
    const ClassStatistics& statistics = report.classes[id];
    out += fmt::format("{:>3}  {}  {:>10}  {:>5.1f} %  {:>7}  {}\n",
                       id,
                       pad(statistics.name, width),
                       core::human_count(static_cast<double>(sum(statistics.pixels))),
                       shares[id].percent,
                       sum(statistics.images),
                       shares[id].bar);
  }
  out += fmt::format("     {}  {:>10}\n",
                     pad("ignored", width),
                     core::human_count(static_cast<double>(sum(report.ignored_pixels))));
  return out;
}

std::string picture_histogram(const CheckReport& report) {
  const std::size_t width = name_width(report);
  const std::vector<Bar> shares = bars(report, &ClassStatistics::images);
  std::string out = fmt::format(" id  {}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}\n",
                                pad("class", width),
                                "images",
                                "share",
                                name_of(Split::kTrain),
                                name_of(Split::kVal),
                                name_of(Split::kTest));
  for (std::size_t id = 0; id < report.classes.size(); ++id) {
    const ClassStatistics& statistics = report.classes[id];
    out += fmt::format("{:>3}  {}  {:>7}  {:>5.1f} %  {:>7}  {:>7}  {:>7}  {}\n",
                       id,
                       pad(statistics.name, width),
                       sum(statistics.images),
                       shares[id].percent,
                       statistics.images[0],
                       statistics.images[1],
                       statistics.images[2],
                       shares[id].bar);
  }
  return out;
}

std::string histogram_text(const CheckReport& report) {
  return report.label_kind == LabelKind::kPicture ? picture_histogram(report)
                                                  : pixel_histogram(report);
}

std::string joints_text(const CheckReport& report) {
  std::size_t width = 5;
  for (const JointStatistics& joint : report.joints) width = std::max(width, cells(joint.name));
  std::string out = fmt::format(
      " id  {}  {:>8}  {:>7}  {:>7}\n", pad("joint", width), "labelled", "share", "hidden");
  const auto people = static_cast<double>(std::max<std::int64_t>(1, sum(report.images)));
  for (std::size_t id = 0; id < report.joints.size(); ++id) {
    const JointStatistics& joint = report.joints[id];
    out += fmt::format("{:>3}  {}  {:>8}  {:>5.1f} %  {:>7}\n",
                       id,
                       pad(joint.name, width),
                       sum(joint.labelled),
                       100.0 * static_cast<double>(sum(joint.labelled)) / people,
                       sum(joint.hidden));
  }
  return out;
}

std::string depth_text(const DepthStatistics& depth) {
  return fmt::format(
      "depth: {:.3g} to {:.3g} m, median {:.3g} m; {:.1f} % of the pixels have one\n",
      depth.least,
      depth.largest,
      depth.median,
      100 * depth.valid);
}

std::string sizes_text(const CheckReport& report) {
  std::vector<std::string> parts;
  std::int64_t rest = 0;
  for (std::size_t i = 0; i < report.sizes.size(); ++i) {
    const auto& [size, images] = report.sizes[i];
    if (i < kListedSizes) {
      parts.push_back(fmt::format("{}x{} ({})", size.width, size.height, images));
    } else {
      rest += images;
    }
  }
  if (rest > 0)
    parts.push_back(fmt::format("{} other sizes ({})", report.sizes.size() - kListedSizes, rest));
  return core::join(parts, ", ");
}

// Findings of one kind and severity, which are neighbours after sorting.
std::string group_text(std::span<const Finding> group, std::size_t files_per_kind) {
  std::string out = fmt::format(
      "\n{}: {} ({})\n", name_of(group[0].severity), name_of(group[0].kind), group.size());
  const std::size_t listed = std::min(files_per_kind, group.size());
  std::set<std::string> remedies;
  for (const Finding& finding : group.first(listed)) {
    out += finding.file.empty() ? fmt::format("  {}\n", finding.detail)
                                : fmt::format("  {}: {}\n", finding.file, finding.detail);
    remedies.insert(finding.remedy);
  }
  if (listed < group.size()) out += fmt::format("  ... and {} more\n", group.size() - listed);
  for (const std::string& remedy : remedies) out += fmt::format("  remedy: {}\n", remedy);
  return out;
}

std::string verdict(const CheckReport& report) {
  std::array<std::size_t, 3> counts{};
  for (const Finding& finding : report.findings)
    ++counts[static_cast<std::size_t>(finding.severity)];
  std::string out =
      fmt::format("\n{} errors, {} warnings, {} notes", counts[2], counts[1], counts[0]);
  if (report.interrupted) return out + " so far: the check was stopped\n";
  if (!report.ok()) return out + "\n";
  out += ": the data set is fit for use\n";
  const auto leaks =
      std::ranges::count(report.findings, FindingKind::kDuplicateAcrossSplits, &Finding::kind);
  if (leaks > 0) {
    out += fmt::format(
        "WARNING: {} pictures are in two splits, so scores on these splits are too good; see "
        "above. (--strict fails on this.)\n",
        leaks);
  }
  return out;
}

}  // namespace

nlohmann::ordered_json to_json(const CheckReport& report) {
  nlohmann::ordered_json json;
  json["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings) {
    json["findings"].push_back({{"kind", name_of(finding.kind)},
                                {"severity", name_of(finding.severity)},
                                {"file", finding.file},
                                {"detail", finding.detail},
                                {"remedy", finding.remedy}});
  }
  json["classes"] = nlohmann::ordered_json::array();
  for (std::size_t id = 0; id < report.classes.size(); ++id) {
    const ClassStatistics& statistics = report.classes[id];
    json["classes"].push_back({{"id", id},
                               {"name", statistics.name},
                               {"pixels", sum(statistics.pixels)},
                               {"images", sum(statistics.images)},
                               {"pixels_by_split", by_split(statistics.pixels)},
                               {"images_by_split", by_split(statistics.images)}});
  }
  for (const JointStatistics& joint : report.joints) {
    json["joints"].push_back({{"name", joint.name},
                              {"labelled", sum(joint.labelled)},
                              {"hidden", sum(joint.hidden)},
                              {"labelled_by_split", by_split(joint.labelled)},
                              {"hidden_by_split", by_split(joint.hidden)}});
  }
  if (report.depth) {
    json["depth"] = {{"min", report.depth->least},
                     {"median", report.depth->median},
                     {"max", report.depth->largest},
                     {"valid_share", report.depth->valid}};
  }
  json["images"] = sum(report.images);
  json["images_by_split"] = by_split(report.images);
  json["ignored_pixels"] = sum(report.ignored_pixels);
  json["sizes"] = nlohmann::ordered_json::array();
  for (const auto& [size, images] : report.sizes) {
    json["sizes"].push_back({{"width", size.width}, {"height", size.height}, {"images", images}});
  }
  json["dataset"] = report.name;
  json["format"] = report.format;
  json["targets"] = nlohmann::ordered_json::array();
  for (const Target target : kTargets) {
    if (report.targets.contains(target)) json["targets"].push_back(name_of(target));
  }
  json["label_kind"] = name_of(report.label_kind);
  json["ok"] = report.ok();
  json["interrupted"] = report.interrupted;
  return json;
}

std::string to_text(const CheckReport& report, std::size_t files_per_kind) {
  std::string out = fmt::format("{} ({}, layout {})\n{} train, {} val, {} test samples\n",
                                report.name,
                                report.root.string(),
                                report.format,
                                report.images[0],
                                report.images[1],
                                report.images[2]);
  if (!report.sizes.empty()) out += fmt::format("sizes: {}\n", sizes_text(report));
  if (report.depth) out += depth_text(*report.depth);
  if (!report.classes.empty()) out += fmt::format("\n{}", histogram_text(report));
  if (!report.joints.empty()) out += fmt::format("\n{}", joints_text(report));
  const std::span<const Finding> findings(report.findings);
  for (std::size_t begin = 0; begin < findings.size();) {
    std::size_t end = begin + 1;
    while (end < findings.size() && findings[end].kind == findings[begin].kind &&
           findings[end].severity == findings[begin].severity) {
      ++end;
    }
    out += group_text(findings.subspan(begin, end - begin), files_per_kind);
    begin = end;
  }
  return out + verdict(report);
}

}  // namespace parsimony::data
