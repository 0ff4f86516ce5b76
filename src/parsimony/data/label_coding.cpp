// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/label_coding.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/data/codec_formats.h"
#include "parsimony/data/matlab_file.h"

namespace parsimony::data {
namespace {

constexpr std::size_t kListedValues = 5;

// Values that were seen but are not known, counted cheaply for the usual case of long runs.
class StrangeCounter {
 public:
  void add(std::uint32_t value) { ++counts_[value]; }

  void store(CodedLabels& coded) const {
    for (const auto& [value, pixels] : counts_) {
      coded.strange.push_back({value, pixels});
      coded.strange_pixels += pixels;
    }
    std::ranges::sort(coded.strange, [](const StrangeValue& a, const StrangeValue& b) {
      return a.pixels != b.pixels ? a.pixels > b.pixels : a.value < b.value;
    });
  }

 private:
  std::unordered_map<std::uint32_t, std::int64_t> counts_;
};

std::uint32_t colour_at(const RawLabels& raw, std::size_t pixel) {
  const std::uint8_t* rgb = &raw.values[3 * pixel];
  return pack({rgb[0], rgb[1], rgb[2]});
}

bool channels_equal(const RawLabels& raw) {
  for (std::size_t i = 0; i < raw.values.size(); i += 3) {
    if (raw.values[i] != raw.values[i + 1] || raw.values[i] != raw.values[i + 2]) return false;
  }
  return true;
}

// Codes `raw` pixel by pixel; `value_at(pixel)` is the stored value.
template <typename ValueAt>
void code_values(const LabelCoding& coding, const ValueAt& value_at, CodedLabels& coded) {
  StrangeCounter strange;
  for (std::size_t i = 0; i < coded.labels.ids.size(); ++i) {
    const std::uint32_t value = value_at(i);
    const std::int16_t id = value < coding.ids.size() ? coding.ids[value] : LabelCoding::kStrange;
    if (id == LabelCoding::kStrange) strange.add(value);
    coded.labels.ids[i] =
        id == LabelCoding::kStrange ? LabelMap::kIgnore : static_cast<std::uint8_t>(id);
  }
  strange.store(coded);
}

void code_colours(const RawLabels& raw, const LabelCoding& coding, CodedLabels& coded) {
  StrangeCounter strange;
  std::uint32_t last = ~std::uint32_t{0};  // neighbours mostly share their colour
  bool last_known = false;
  std::uint8_t last_id = LabelMap::kIgnore;
  for (std::size_t i = 0; i < coded.labels.ids.size(); ++i) {
    const std::uint32_t colour = colour_at(raw, i);
    if (colour != last) {
      const auto found = std::ranges::lower_bound(
          coding.colours, colour, {}, &std::pair<std::uint32_t, std::uint8_t>::first);
      last = colour;
      last_known = found != coding.colours.end() && found->first == colour;
      last_id = last_known ? found->second : LabelMap::kIgnore;
    }
    if (!last_known) strange.add(colour);
    coded.labels.ids[i] = last_id;
  }
  strange.store(coded);
}

RawLabels read_matlab_labels(const std::filesystem::path& file, const std::string& variable) {
  const MatlabMatrix matrix = read_matlab_matrix(file, variable);
  check_dimensions(matrix.columns, matrix.rows, file.string());
  RawLabels raw;
  raw.width = matrix.columns;
  raw.height = matrix.rows;
  raw.values.reserve(matrix.values.size());
  for (std::int64_t y = 0; y < raw.height; ++y) {
    for (std::int64_t x = 0; x < raw.width; ++x) {
      const std::int64_t value = matrix.at(y, x);
      if (!std::in_range<std::uint8_t>(value)) {
        core::throw_user_error(
            "{}: variable '{}' holds {} at pixel ({}, {}); expected 0 to 255. Take the original "
            "file.",
            file.string(),
            variable,
            value,
            x,
            y);
      }
      raw.values.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return raw;
}

}  // namespace

LabelCoding LabelCoding::identity(std::size_t classes, int ignore_id) {
  LabelCoding coding;
  coding.ids.fill(kStrange);
  for (std::size_t id = 0; id < classes; ++id) coding.ids[id] = static_cast<std::int16_t>(id);
  if (ignore_id >= 0) coding.ids[static_cast<std::size_t>(ignore_id)] = LabelMap::kIgnore;
  return coding;
}

void LabelCoding::set_colours(std::vector<std::pair<Rgb, std::uint8_t>> table) {
  colours.clear();
  for (const auto& [colour, id] : table) colours.emplace_back(pack(colour), id);
  std::ranges::sort(colours);
}

std::uint32_t pack(Rgb colour) {
  return std::uint32_t{colour.r} << 16 | std::uint32_t{colour.g} << 8 | std::uint32_t{colour.b};
}

std::string text_of_colour(std::uint32_t packed) {
  return fmt::format("({},{},{})", packed >> 16, packed >> 8 & 0xff, packed & 0xff);
}

RawLabels read_raw_labels(const std::filesystem::path& file, const LabelCoding& coding) {
  return coding.matlab_variable.empty() ? read_raw_labels(file)
                                        : read_matlab_labels(file, coding.matlab_variable);
}

CodedLabels code_labels(const RawLabels& raw, const LabelCoding& coding) {
  CodedLabels coded;
  coded.labels = LabelMap(raw.width, raw.height);
  const bool rgb = raw.kind == RawLabels::Kind::kRgb;
  const bool gray = rgb && coding.gray_as_rgb && channels_equal(raw);
  if (raw.kind == RawLabels::Kind::kGray16) {
    code_values(
        coding, [&raw](std::size_t i) { return std::uint32_t{raw.wide[i]}; }, coded);
  } else if (gray) {
    code_values(
        coding, [&raw](std::size_t i) { return std::uint32_t{raw.values[3 * i]}; }, coded);
  } else if (!rgb) {
    code_values(
        coding, [&raw](std::size_t i) { return std::uint32_t{raw.values[i]}; }, coded);
  } else {
    code_colours(raw, coding, coded);
    coded.in_colour = true;
  }
  const auto pixels = static_cast<double>(raw.width * raw.height);
  const bool lenient = coded.in_colour && !coding.colours.empty();
  coded.accepted = coded.strange.empty() || (lenient && static_cast<double>(coded.strange_pixels) <=
                                                            coding.strange_share * pixels);
  return coded;
}

std::string describe_strange(const CodedLabels& coded) {
  std::string out;
  std::int64_t rest = coded.strange_pixels;
  const std::size_t listed = std::min(kListedValues, coded.strange.size());
  for (std::size_t i = 0; i < listed; ++i) {
    const auto& [value, pixels] = coded.strange[i];
    if (!out.empty()) out += ", ";
    out += coded.in_colour ? fmt::format("colour {}", text_of_colour(value))
                           : fmt::format("value {}", value);
    out += fmt::format(" in {} pixels", pixels);
    rest -= pixels;
  }
  if (coded.strange.size() > listed) {
    out += fmt::format(" and {} more in {} pixels", coded.strange.size() - listed, rest);
  }
  return out;
}

LabelMap read_labels(const std::filesystem::path& file, const LabelCoding& coding) {
  CodedLabels coded = code_labels(read_raw_labels(file, coding), coding);
  if (!coded.accepted) {
    core::throw_user_error(
        "{}: {} ({} of {} pixels); expected {}. `parsimony check` on the data set says how to mend "
        "it.",
        file.string(),
        describe_strange(coded),
        coded.strange_pixels,
        coded.labels.ids.size(),
        coding.colours.empty() ? "class ids of the data set only, in a gray or palette PNG"
                               : "the colours of the data set's table only");
  }
  return std::move(coded.labels);
}

}  // namespace parsimony::data
