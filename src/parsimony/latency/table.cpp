// SPDX-License-Identifier: Apache-2.0
#include "parsimony/latency/table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::latency {
namespace {

constexpr std::array kKinds = {WorkKind::kPointwise,
                               WorkKind::kConvolution,
                               WorkKind::kDepthwise,
                               WorkKind::kLinear,
                               WorkKind::kAdd,
                               WorkKind::kPool,
                               WorkKind::kResize,
                               WorkKind::kConcat,
                               WorkKind::kScale};
constexpr std::size_t kWords = 9;
// More than that is a damaged file, and counts of what is within these bounds cannot overflow.
constexpr std::int64_t kMaxExtent = 1 << 16;
constexpr double kMaxAmount = 1e13;  // multiply-accumulates, and values of a map
constexpr double kMaxMilliseconds = 1e9;
constexpr double kMillion = 1e6;

std::string_view name_of(WorkKind kind) {
  switch (kind) {
    case WorkKind::kPointwise:
      return "pointwise";
    case WorkKind::kConvolution:
      return "convolution";
    case WorkKind::kDepthwise:
      return "depthwise";
    case WorkKind::kLinear:
      return "linear";
    case WorkKind::kAdd:
      return "add";
    case WorkKind::kPool:
      return "pool";
    case WorkKind::kResize:
      return "resize";
    case WorkKind::kConcat:
      return "concat";
    case WorkKind::kScale:
      return "scale";
  }
  core::throw_internal_error("work kind {} does not exist", static_cast<int>(kind));
}

[[noreturn]] void refuse(std::string_view row, std::string_view expected) {
  core::throw_user_error(
      "the table's row '{}': expected {}; a row is KIND CxHxW CxHxW kK sS dD gG nN MILLISECONDS",
      row.substr(0, 120),
      expected);
}

std::optional<std::int64_t> extent(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > kMaxExtent)
    return std::nullopt;
  return value;
}

graph::Shape parse_shape(std::string_view row, std::string_view text) {
  const std::vector<std::string> parts = core::split(text, 'x');
  graph::Shape shape;
  const std::array extents = {&shape.channels, &shape.height, &shape.width};
  if (parts.size() != extents.size()) refuse(row, "a shape like 24x64x64");
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const auto value = extent(parts[i]);
    if (!value) refuse(row, fmt::format("extents from 1 to {}", kMaxExtent));
    *extents[i] = *value;
  }
  return shape;
}

double amount(const graph::Shape& shape) {
  return static_cast<double>(shape.channels) * static_cast<double>(shape.height) *
         static_cast<double>(shape.width);
}

// Values that a result of a dense convolution with that kernel depends on.
double window_of(const Work& work) {
  return static_cast<double>(work.kernel) * static_cast<double>(work.kernel) *
         static_cast<double>(work.in.channels);
}

// ---- interpolation ----

constexpr std::size_t kFeatures = 3;
using Features = std::array<double, kFeatures>;

// What a time is a weighted sum of.
Features features_of(const Work& work) {
  const auto maps = static_cast<std::int64_t>(work.kind == WorkKind::kAdd ? work.inputs.size() : 1);
  const std::int64_t values = maps * work.in.elements() + work.out.elements() + work.weights();
  return {1, static_cast<double>(work.macs()) / kMillion, static_cast<double>(values) / kMillion};
}

double dot(const Features& a, const Features& b) {
  double sum = 0;
  for (std::size_t i = 0; i < kFeatures; ++i) sum += a[i] * b[i];
  return sum;
}

// Solves `matrix` x = `right` for the features in `active`, the others 0; nothing where the system
// is singular.
std::optional<Features> solve(std::array<Features, kFeatures> matrix,
                              Features right,
                              unsigned active) {
  for (std::size_t i = 0; i < kFeatures; ++i) {
    if ((active >> i & 1) != 0) continue;
    for (std::size_t j = 0; j < kFeatures; ++j) matrix[i][j] = matrix[j][i] = 0;
    matrix[i][i] = 1;
    right[i] = 0;
  }
  for (std::size_t i = 0; i < kFeatures; ++i) {
    // The matrix is positive semi-definite: no row needs to be exchanged.
    if (!(matrix[i][i] > 1e-12)) return std::nullopt;
    for (std::size_t row = i + 1; row < kFeatures; ++row) {
      const double factor = matrix[row][i] / matrix[i][i];
      for (std::size_t j = i; j < kFeatures; ++j) matrix[row][j] -= factor * matrix[i][j];
      right[row] -= factor * right[i];
    }
  }
  Features result{};
  for (std::size_t i = kFeatures; i-- > 0;) {
    double sum = right[i];
    for (std::size_t j = i + 1; j < kFeatures; ++j) sum -= matrix[i][j] * result[j];
    result[i] = sum / matrix[i][i];
  }
  return result;
}

// Coefficients of at least 0 with the smallest sum of squared relative errors: of three features,
// all sets of those that are not 0 are tried.
Features fit(const std::vector<const MeasuredWork*>& rows) {
  double largest = 0;
  for (const MeasuredWork* row : rows) largest = std::max(largest, row->milliseconds);
  if (largest <= 0) return {};
  // Times too short to be measured well must not outweigh the others.
  const double floor = 1e-3 * largest;
  std::array<Features, kFeatures> matrix{};
  Features right{};
  for (const MeasuredWork* row : rows) {
    const double weight = 1 / std::max(row->milliseconds, floor);
    Features features = features_of(row->work);
    for (double& feature : features) feature *= weight;
    for (std::size_t i = 0; i < kFeatures; ++i) {
      for (std::size_t j = 0; j < kFeatures; ++j) matrix[i][j] += features[i] * features[j];
      right[i] += features[i] * weight * row->milliseconds;
    }
  }
  Features best{};
  double best_gain = 0;
  for (unsigned active = 1; active < 1U << kFeatures; ++active) {
    const std::optional<Features> candidate = solve(matrix, right, active);
    if (!candidate || *std::min_element(candidate->begin(), candidate->end()) < 0) continue;
    // At a least-squares solution, how much of the squared sum it explains.
    const double gain = dot(*candidate, right);
    if (gain <= best_gain) continue;
    best = *candidate;
    best_gain = gain;
  }
  return best;
}

class Interpolation {
 public:
  explicit Interpolation(const std::vector<MeasuredWork>& rows) {
    for (const WorkKind kind : kKinds) fits_[kind] = fit(rows_for(kind, rows));
  }
  double operator()(const Work& work) const { return dot(fits_.at(work.kind), features_of(work)); }

 private:
  static std::vector<const MeasuredWork*> rows_for(WorkKind kind,
                                                   const std::vector<MeasuredWork>& rows) {
    Work any;
    any.kind = kind;
    const bool convolution = any.is_convolution();
    const std::array<std::function<bool(const Work&)>, 3> wider = {
        [&](const Work& work) { return work.kind == kind; },
        [&](const Work& work) { return work.is_convolution() == convolution; },
        [](const Work&) { return true; }};
    std::vector<const MeasuredWork*> found;
    for (const auto& belongs : wider) {
      found.clear();
      for (const MeasuredWork& row : rows) {
        if (belongs(row.work)) found.push_back(&row);
      }
      if (found.size() >= kFeatures) break;
    }
    return found;
  }

  std::map<WorkKind, Features> fits_;
};

}  // namespace

void TableDevice::visit(core::FieldVisitor& v) {
  v.field("overhead", overhead, {"ms per network", 0});
  v.field(
      "scale", scale, {"time of a work within a network over that of the work alone", 1e-3, 1e3});
  v.field("works",
          works,
          {"rows: KIND CxHxW CxHxW kKERNEL sSTRIDE dDILATION gGROUPS nINPUTS MILLISECONDS"});
}

std::string table_key(const Work& work) {
  return fmt::format("{} {}x{}x{} {}x{}x{} k{} s{} d{} g{} n{}",
                     name_of(work.kind),
                     work.in.channels,
                     work.in.height,
                     work.in.width,
                     work.out.channels,
                     work.out.height,
                     work.out.width,
                     work.kernel,
                     work.stride,
                     work.dilation,
                     work.groups,
                     work.inputs.size());
}

std::string to_row(const MeasuredWork& measured) {
  return fmt::format("{} {:.6g}", table_key(measured.work), measured.milliseconds);
}

MeasuredWork parse_row(std::string_view row) {
  const std::vector<std::string> words = core::split(row, ' ');
  if (words.size() != kWords) refuse(row, fmt::format("{} words", kWords));
  MeasuredWork measured;
  Work& work = measured.work;
  const auto kind = std::find_if(
      kKinds.begin(), kKinds.end(), [&](WorkKind k) { return name_of(k) == words[0]; });
  if (kind == kKinds.end()) {
    std::vector<std::string_view> names;
    for (const WorkKind k : kKinds) names.push_back(name_of(k));
    refuse(row,
           fmt::format(
               "one of {} first{}", core::join(names, ", "), core::did_you_mean(words[0], names)));
  }
  work.kind = *kind;
  work.in = parse_shape(row, words[1]);
  work.out = parse_shape(row, words[2]);
  std::int64_t inputs = 0;
  const std::array<std::pair<char, std::int64_t*>, 5> numbers = {{{'k', &work.kernel},
                                                                  {'s', &work.stride},
                                                                  {'d', &work.dilation},
                                                                  {'g', &work.groups},
                                                                  {'n', &inputs}}};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::string& word = words[3 + i];
    const auto value = word.empty() || word[0] != numbers[i].first
                           ? std::nullopt
                           : extent(std::string_view(word).substr(1));
    if (!value)
      refuse(row, fmt::format("{} and a number from 1 to {}", numbers[i].first, kMaxExtent));
    *numbers[i].second = *value;
  }
  if (amount(work.in) > kMaxAmount || amount(work.out) * window_of(work) > kMaxAmount)
    refuse(row, fmt::format("at most {:g} multiply-accumulates", kMaxAmount));
  work.inputs.assign(static_cast<std::size_t>(inputs), kPicture);
  const std::string& time = words.back();
  const auto [end, error] =
      std::from_chars(time.data(), time.data() + time.size(), measured.milliseconds);
  const bool number = error == std::errc() && end == time.data() + time.size();
  // Written so that NaN fails too.
  if (!number || !(measured.milliseconds >= 0 && measured.milliseconds <= kMaxMilliseconds))
    refuse(row, "milliseconds of at least 0 last");
  return measured;
}

TableTimes table_times(const TableDevice& device, const std::vector<Work>& works) {
  if (device.works.empty()) core::throw_user_error("the device's table has no rows");
  std::vector<MeasuredWork> rows;
  std::unordered_map<std::string, double> known;
  for (const std::string& text : device.works) {
    rows.push_back(parse_row(text));
    known[table_key(rows.back().work)] = rows.back().milliseconds;
  }
  std::optional<Interpolation> interpolation;
  TableTimes times;
  for (const Work& work : works) {
    const auto found = known.find(table_key(work));
    if (found != known.end()) {
      times.milliseconds.push_back(device.scale * found->second);
      continue;
    }
    if (!interpolation) interpolation.emplace(rows);
    times.milliseconds.push_back(device.scale * (*interpolation)(work));
    ++times.interpolated;
  }
  return times;
}

}  // namespace parsimony::latency
