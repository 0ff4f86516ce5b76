// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/depth_coding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

// metres
constexpr double kLeastMedian = 0.1;
constexpr double kLargestMedian = 80;
constexpr double kUsualMedian = 2.5;  // of a room

struct KnownScale {
  double scale;
  std::string_view name;
};

constexpr std::array kKnownScales = {KnownScale{1000, "millimetres"},
                                     KnownScale{100, "centimetres"},
                                     KnownScale{1, "metres"},
                                     KnownScale{256, "1/256 metres, as KITTI has them"},
                                     KnownScale{5000, "fifths of a millimetre, as TUM has them"},
                                     KnownScale{10000, "tenths of a millimetre"}};

double distance(double median) {
  return std::abs(std::log(median / kUsualMedian));
}

}  // namespace

DepthMap depth_of(const RawLabels& raw, const DepthCoding& coding, std::string_view file) {
  if (raw.kind == RawLabels::Kind::kPalette || raw.kind == RawLabels::Kind::kRgb) {
    core::throw_user_error(
        "{}: is a PNG in colours; expected a gray one of 16 bit whose numbers are depths. Take the "
        "depth maps themselves, not pictures drawn from them.",
        file);
  }
  DepthMap depth(raw.width, raw.height);
  const bool wide = raw.kind == RawLabels::Kind::kGray16;
  for (std::size_t i = 0; i < depth.metres.size(); ++i) {
    const std::int64_t number = wide ? raw.wide[i] : raw.values[i];
    if (number != coding.invalid)
      depth.metres[i] = static_cast<float>(static_cast<double>(number) / coding.scale);
  }
  return depth;
}

DepthMap read_depth(const std::filesystem::path& file, const DepthCoding& coding) {
  DepthMap depth = depth_of(read_raw_labels(file), coding, file.string());
  if (const std::optional<WrongUnit> wrong = find_wrong_unit(depth, coding.scale))
    core::throw_user_error("{}: {}. Remedy: {}.", file.string(), wrong->detail, wrong->remedy);
  return depth;
}

std::optional<float> median_of(const DepthMap& depth) {
  std::vector<float> valid;
  valid.reserve(depth.metres.size());
  std::ranges::copy_if(
      depth.metres, std::back_inserter(valid), [](float metres) { return metres > 0; });
  if (valid.empty()) return std::nullopt;
  const auto middle = valid.begin() + static_cast<std::ptrdiff_t>(valid.size() / 2);
  std::ranges::nth_element(valid, middle);
  return *middle;
}

std::optional<WrongUnit> find_wrong_unit(const DepthMap& depth, double scale) {
  const std::optional<float> median = median_of(depth);
  if (!median || (*median >= kLeastMedian && *median <= kLargestMedian)) return std::nullopt;
  const double number = static_cast<double>(*median) * scale;
  const KnownScale& best =
      *std::ranges::min_element(kKnownScales, {}, [number](const KnownScale& known) {
        return distance(number / known.scale);
      });
  const double better = number / best.scale;
  const bool plausible = better >= kLeastMedian && better <= kLargestMedian;
  return WrongUnit{
      fmt::format("with {} numbers per metre the median depth is {:.3g} m; expected {} to {} m",
                  scale,
                  *median,
                  kLeastMedian,
                  kLargestMedian),
      plausible
          ? fmt::format("look up the unit of the depths and state it as their scale; {} ({}) would "
                        "give a median of {:.3g} m",
                        best.scale,
                        best.name,
                        better)
          : fmt::format("look up the unit of the depths and state it as their scale, numbers per "
                        "metre; the median number is {:.6g}, and about {:.3g} would make it {} m",
                        number,
                        number / kUsualMedian,
                        kUsualMedian)};
}

void write_depth_png(const std::filesystem::path& file, const DepthMap& depth, double scale) {
  constexpr double kLargest = std::numeric_limits<std::uint16_t>::max();
  std::vector<std::uint16_t> numbers(depth.metres.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const float metres = depth.metres[i];
    if (!std::isfinite(metres) || metres <= 0) continue;
    const double number = std::max(1.0, std::round(static_cast<double>(metres) * scale));
    if (number > kLargest) {
      core::throw_user_error(
          "{}: a depth of {} m does not fit into 16 bit with {} numbers per metre. Choose a scale "
          "of at most {:.3g}.",
          file.string(),
          metres,
          scale,
          kLargest / static_cast<double>(metres));
    }
    numbers[i] = static_cast<std::uint16_t>(number);
  }
  write_gray16_png(file, depth.width, depth.height, numbers);
}

}  // namespace parsimony::data
