// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/label_parts.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/data/codec.h"

namespace parsimony::data {
namespace {

constexpr double kCertain = 255;  // the value of probability 1

// A part file as one number per pixel, 0 to 255.
struct PartValues {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> values;
};

// One channel of three that must agree: the file was saved in colour, as viewers do.
std::vector<std::uint8_t> one_channel(const std::vector<std::uint8_t>& rgb,
                                      const std::filesystem::path& file) {
  std::vector<std::uint8_t> values(rgb.size() / 3);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint8_t* pixel = &rgb[3 * i];
    if (pixel[0] != pixel[1] || pixel[0] != pixel[2]) {
      core::throw_user_error(
          "{}: an RGB file with a pixel ({},{},{}); expected a gray part file, or three equal "
          "channels",
          file.string(),
          pixel[0],
          pixel[1],
          pixel[2]);
    }
    values[i] = pixel[0];
  }
  return values;
}

// 1 where any channel is not zero.
std::vector<std::uint8_t> mask_values(const RawLabels& raw) {
  const auto pixels = static_cast<std::size_t>(raw.width * raw.height);
  std::vector<std::uint8_t> mask(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const bool part = raw.kind == RawLabels::Kind::kRgb
                          ? (raw.values[3 * i] | raw.values[3 * i + 1] | raw.values[3 * i + 2]) != 0
                      : raw.kind == RawLabels::Kind::kGray16 ? raw.wide[i] != 0
                                                             : raw.values[i] != 0;
    mask[i] = part ? 1 : 0;
  }
  return mask;
}

std::vector<std::uint8_t> probability_values(RawLabels raw, const std::filesystem::path& file) {
  if (raw.kind == RawLabels::Kind::kRgb) return one_channel(raw.values, file);
  if (raw.kind != RawLabels::Kind::kGray || raw.bit_depth != 8) {
    core::throw_user_error(
        "{}: a {}-bit {} PNG; expected an 8-bit gray map of probabilities (255 = 1)",
        file.string(),
        raw.bit_depth,
        raw.kind == RawLabels::Kind::kPalette ? "palette" : "gray");
  }
  return std::move(raw.values);
}

PartValues read_part(const std::filesystem::path& file, LabelComposition::Rule rule) {
  RawLabels raw = read_raw_labels(file);
  PartValues part{raw.width, raw.height, {}};
  part.values = rule == LabelComposition::Rule::kOverwrite
                    ? mask_values(raw)
                    : probability_values(std::move(raw), file);
  return part;
}

Finding other_size(const PartValues& part, const LabelMap& first, const std::string& file) {
  return {FindingKind::kSizeMismatch,
          Severity::kError,
          file,
          fmt::format("is {}x{} pixels, the parts before it {}x{}",
                      part.width,
                      part.height,
                      first.width,
                      first.height),
          "fetch the file again; all parts of a picture have one size"};
}

void paint_mask(const PartValues& part, std::uint8_t id, LabelMap& labels) {
  for (std::size_t i = 0; i < labels.ids.size(); ++i) {
    if (part.values[i] != 0) labels.ids[i] = id;
  }
}

void raise_probability(const PartValues& part,
                       std::uint8_t id,
                       std::vector<std::int16_t>& largest,
                       LabelMap& labels) {
  for (std::size_t i = 0; i < labels.ids.size(); ++i) {
    if (part.values[i] <= largest[i]) continue;
    largest[i] = part.values[i];
    labels.ids[i] = id;
  }
}

}  // namespace

std::optional<LabelMap> compose_labels(const Entry& entry,
                                       const Inventory& inventory,
                                       std::vector<Finding>& findings) {
  const auto& [rule, least_probability] = inventory.composition;
  LabelMap labels;
  std::vector<std::int16_t> largest;
  for (const LabelPart& source : entry.parts) {
    const std::string file = inventory.relative(source.file);
    PartValues part;
    try {
      part = read_part(source.file, rule);
    } catch (const std::exception& error) {
      findings.push_back({FindingKind::kUnreadableLabel,
                          Severity::kError,
                          file,
                          error.what(),
                          "fetch the file again, or take the sample out of its list"});
      return std::nullopt;
    }
    if (labels.ids.empty()) {
      labels = LabelMap(part.width, part.height);
      largest.assign(labels.ids.size(), -1);
    }
    if (part.width != labels.width || part.height != labels.height) {
      findings.push_back(other_size(part, labels, file));
      return std::nullopt;
    }
    if (rule == LabelComposition::Rule::kOverwrite) {
      paint_mask(part, source.id, labels);
    } else {
      raise_probability(part, source.id, largest, labels);
    }
  }
  if (rule == LabelComposition::Rule::kMostProbable) {
    for (std::size_t i = 0; i < labels.ids.size(); ++i) {
      if (largest[i] < least_probability * kCertain) labels.ids[i] = LabelMap::kIgnore;
    }
  }
  return labels;
}

LabelMap read_labels(const Entry& entry, const Inventory& inventory) {
  if (entry.picture_class) {
    const ImageSize size = image_size(entry.image);
    return LabelMap(size.width, size.height, *entry.picture_class);
  }
  if (entry.parts.empty()) return read_labels(entry.labels, inventory.coding);
  std::vector<Finding> findings;
  std::optional<LabelMap> labels = compose_labels(entry, inventory, findings);
  if (!labels) {
    const Finding& finding = findings.front();
    // What could not be read names its file itself.
    const bool named = finding.kind == FindingKind::kUnreadableLabel;
    core::throw_user_error("{}{}. Remedy: {}.",
                           named ? std::string() : (inventory.root / finding.file).string() + ": ",
                           finding.detail,
                           finding.remedy);
  }
  return std::move(*labels);
}

}  // namespace parsimony::data
