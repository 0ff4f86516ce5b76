// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "parsimony/data/check_sample.h"

namespace parsimony::data {
namespace {

constexpr std::size_t kNamedColours = 4;         // colours spelled out in a detail
constexpr std::size_t kInterpolatedValues = 16;  // so many wrong values come from resampling
constexpr double kPaletteShare = 0.99;           // anti-aliased edges may miss the palette
constexpr std::uint32_t kWideScale = 257;        // 8 bit stretched to 16: 255 becomes 65535

constexpr const char* kKeepIds =
    "save labels as 8-bit gray or palette PNG in which the pixel value is the class id";

std::string valid_range(const Inventory& inventory) {
  const std::size_t classes = inventory.info.classes.size();
  const bool ignores = inventory.coding.ids[LabelMap::kIgnore] == LabelMap::kIgnore;
  if (inventory.classes_from_labels) return "0 to 254, and 255 for 'ignore'";
  return fmt::format("0 to {}{}", classes - 1, ignores ? ", and 255 for 'ignore'" : "");
}

std::int64_t area(const RawLabels& raw) {
  return raw.width * raw.height;
}

bool is_gray(std::uint32_t colour) {
  return (colour >> 16) == (colour >> 8 & 0xff) && (colour >> 16) == (colour & 0xff);
}

// "(128,0,0) = class 1 'building' in 345 pixels, ..." for colours of the palette; `covered` is how
// many pixels have one of them.
std::string name_palette_colours(const CodedLabels& coded,
                                 const DatasetInfo& info,
                                 std::int64_t& covered) {
  std::string out;
  std::size_t named = 0;
  covered = 0;
  for (const StrangeValue& strange : coded.strange) {
    const auto colour = std::ranges::find(info.palette, strange.value, pack);
    if (colour == info.palette.end()) continue;
    covered += strange.pixels;
    if (++named > kNamedColours) continue;
    const auto id = static_cast<std::size_t>(colour - info.palette.begin());
    if (!out.empty()) out += ", ";
    out += fmt::format("{} = class {} '{}' in {} pixels",
                       text_of_colour(strange.value),
                       id,
                       info.classes[id],
                       strange.pixels);
  }
  return out;
}

Finding diagnose_rgb(const RawLabels& raw,
                     const CodedLabels& coded,
                     const std::string& file,
                     const Inventory& inventory) {
  if (std::ranges::all_of(coded.strange, [](const StrangeValue& s) { return is_gray(s.value); })) {
    return {
        FindingKind::kGrayAsRgb,
        Severity::kError,
        file,
        fmt::format("an RGB file with three equal channels ({})", describe_strange(coded)),
        fmt::format(
            "keep one channel only, for example Image.open(f).getchannel(0).save(f) in Pillow; {}",
            kKeepIds)};
  }
  std::int64_t covered = 0;
  const std::string named = name_palette_colours(coded, inventory.info, covered);
  if (static_cast<double>(covered) >= kPaletteShare * static_cast<double>(area(raw))) {
    return {
        FindingKind::kPaletteExpanded,
        Severity::kError,
        file,
        fmt::format(
            "an RGB file in the colours of the palette: {}. Class ids were expanded to colours, "
            "as viewers and image libraries do on loading",
            named),
        fmt::format("take the original palette PNG, or map every colour back to its id and {}",
                    kKeepIds)};
  }
  return {
      FindingKind::kRgbMask,
      Severity::kError,
      file,
      fmt::format(
          "an RGB file ({}) where class ids are expected, in colours that are not the palette's",
          describe_strange(coded)),
      fmt::format("map every colour to its class id (nearest colour for blurred edges) and {}",
                  kKeepIds)};
}

Finding diagnose_colour_table(const CodedLabels& coded, const std::string& file) {
  return {
      FindingKind::kUnknownColours,
      coded.accepted ? Severity::kNote : Severity::kError,
      file,
      fmt::format("colours outside the table of the data set: {} ({} pixels in all{})",
                  describe_strange(coded),
                  coded.strange_pixels,
                  coded.accepted ? ", which are ignored" : ""),
      coded.accepted
          ? "nothing to do: so few pixels do no harm"
          : "take the original label file; this one was resized with interpolation, saved as JPEG "
            "or drawn in other colours"};
}

Finding diagnose_wide(const CodedLabels& coded,
                      const std::string& file,
                      const Inventory& inventory) {
  if (coded.strange.empty()) {
    return {FindingKind::kSixteenBitMask,
            Severity::kNote,
            file,
            "a 16-bit PNG; its values are valid class ids and are read as they are",
            "nothing to do; 8-bit files are smaller"};
  }
  const bool stretched = std::ranges::all_of(
      coded.strange, [](const StrangeValue& s) { return s.value % kWideScale == 0; });
  return {
      FindingKind::kSixteenBitMask,
      Severity::kError,
      file,
      fmt::format(
          "a 16-bit PNG with {}; expected {}{}",
          describe_strange(coded),
          valid_range(inventory),
          stretched ? ". All are multiples of 257: 8-bit values were stretched to 16 bit" : ""),
      stretched
          ? "divide every value by 257 and save as 8-bit gray PNG"
          : "16-bit label files usually hold instance or object numbers: map them to class ids, or "
            "export the class labels"};
}

// Every value of a file, class ids included, rising.
std::vector<std::uint32_t> present_values(const RawLabels& raw) {
  std::array<bool, 256> present{};
  for (const std::uint8_t value : raw.values) present[value] = true;
  std::vector<std::uint32_t> values;
  for (std::uint32_t value = 0; value < present.size(); ++value) {
    if (present[value]) values.push_back(value);
  }
  return values;
}

Finding diagnose_values(const RawLabels& raw,
                        const CodedLabels& coded,
                        const std::string& file,
                        const Inventory& inventory) {
  const std::vector<std::uint32_t> values = present_values(raw);
  if (std::ranges::all_of(values, [](std::uint32_t v) { return v == 0 || v == 255; })) {
    Histogram histogram{};
    histogram[255] = coded.strange_pixels;
    histogram[0] = area(raw) - coded.strange_pixels;
    return mask_0_255_finding(file, histogram);
  }
  const std::size_t classes = inventory.info.classes.size();
  const std::uint32_t step =
      std::accumulate(values.begin(), values.end(), 0u, [](std::uint32_t a, std::uint32_t b) {
        return std::gcd(a, b);
      });
  std::string cause;
  std::string remedy;
  if (coded.strange.size() >= kInterpolatedValues) {
    cause =
        ". So many different values come from resizing with interpolation or from JPEG compression";
    remedy = "export the label map again, as PNG, and resize with nearest neighbour only";
  } else if (step > 1 && values.back() / step < classes) {
    cause = fmt::format(". All are multiples of {0}: ids were multiplied by {0} for display", step);
    remedy = fmt::format("divide every value by {}", step);
  } else {
    remedy = fmt::format(
        "map these values to class ids or to 255; if they are classes, name them in the data "
        "set's list of classes; {}",
        kKeepIds);
  }
  return {FindingKind::kLabelOutOfRange,
          Severity::kError,
          file,
          fmt::format("{}; expected {} ({} classes){}",
                      describe_strange(coded),
                      valid_range(inventory),
                      classes,
                      cause),
          remedy};
}

Finding expected_colours(const std::string& file, const CodedLabels& coded) {
  return {FindingKind::kLabelOutOfRange,
          Severity::kError,
          file,
          fmt::format(
              "a gray or palette file ({}) where an RGB file in the data set's colours is expected",
              describe_strange(coded)),
          "take the original colour label file, or store ids in the 'folder' layout with a "
          "dataset.json"};
}

}  // namespace

Finding all_ignored(std::int64_t pixels, const std::string& file) {
  return {
      FindingKind::kAllIgnoreLabel,
      Severity::kWarning,
      file,
      fmt::format("all {} pixels are 'ignore': the sample teaches and measures nothing", pixels),
      "label it, or take the sample out of the set"};
}

std::vector<Finding> diagnose_labels(const RawLabels& raw,
                                     const CodedLabels& coded,
                                     const std::string& file,
                                     const Inventory& inventory) {
  const bool by_colour = !inventory.coding.colours.empty();
  const auto ignored = std::ranges::count(coded.labels.ids, LabelMap::kIgnore);
  if (raw.kind == RawLabels::Kind::kGray16 && !by_colour) {
    return {diagnose_wide(coded, file, inventory)};
  }
  if (!coded.strange.empty()) {
    if (coded.in_colour) {
      return {by_colour ? diagnose_colour_table(coded, file)
                        : diagnose_rgb(raw, coded, file, inventory)};
    }
    return {by_colour ? expected_colours(file, coded)
                      : diagnose_values(raw, coded, file, inventory)};
  }
  if (ignored == area(raw)) return {all_ignored(area(raw), file)};
  return {};
}

}  // namespace parsimony::data
