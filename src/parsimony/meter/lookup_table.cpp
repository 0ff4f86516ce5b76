// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/lookup_table.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/deploy/json_value.h"

namespace parsimony::meter {
namespace {

using Clock = std::chrono::steady_clock;
using graph::NodeId;
using graph::Section;
using graph::Shape;
using latency::Work;
using latency::WorkKind;

constexpr std::size_t kFewestForAFit = 4;
constexpr auto kSaveEvery = std::chrono::seconds(2);

// ---- networks of one work ----

// Zero padding that gives `work` its result; nothing when none does.
std::optional<std::int64_t> padding_of(const Work& work) {
  const std::int64_t reach = work.dilation * (work.kernel - 1) + 1;
  const auto fits = [&](std::int64_t in, std::int64_t out, std::int64_t padding) {
    const std::int64_t room = in + 2 * padding - reach;
    return room >= 0 && room / work.stride + 1 == out;
  };
  for (std::int64_t padding = 0; padding < reach; ++padding) {
    if (fits(work.in.height, work.out.height, padding) &&
        fits(work.in.width, work.out.width, padding))
      return padding;
  }
  return std::nullopt;
}

// How many pixels of `large` there are per pixel of `small`, where every so manyth is taken.
std::optional<std::int64_t> step_between(const Shape& large, const Shape& small) {
  const auto taken = [](std::int64_t size, std::int64_t step) { return (size - 1) / step + 1; };
  const std::int64_t longest = std::max(large.height, large.width);
  for (std::int64_t step = 1; step <= longest; ++step) {
    if (taken(large.height, step) == small.height && taken(large.width, step) == small.width)
      return step;
  }
  return std::nullopt;
}

class ProbeBuilder {
 public:
  // A picture and a map of that shape.
  explicit ProbeBuilder(const Shape& shape) : picture_{shape.height, shape.width} {
    const NodeId picture = add(graph::Input{3, 1}, {}, "picture");
    map_ = shape.channels == 3
               ? picture
               : add(graph::Conv{3, shape.channels, 1, 1, 0, 1, 1, true}, {picture}, "map");
  }
  NodeId map() const { return map_; }
  NodeId add(graph::Layer layer, std::vector<NodeId> inputs, const char* name) {
    return graph_.add(std::move(layer), std::move(inputs), Section::kEncoder, name);
  }
  // The network so far, without and, after more layers, with the work.
  graph::Graph network(NodeId result) const {
    graph::Graph copy = graph_;
    copy.outputs = {{"logits", result}};
    return copy;
  }
  graph::Size picture() const { return picture_; }

 private:
  graph::Graph graph_;
  graph::Size picture_;
  NodeId map_ = 0;
};

// Adds the work behind `map`; nothing where it cannot be had.
std::optional<NodeId> add_work(ProbeBuilder& builder, const Work& work, NodeId map) {
  const auto copies = [&] { return std::vector<NodeId>(work.inputs.size(), map); };
  switch (work.kind) {
    case WorkKind::kPointwise:
    case WorkKind::kConvolution:
    case WorkKind::kDepthwise:
    case WorkKind::kLinear: {
      const auto padding = padding_of(work);
      if (!padding) return std::nullopt;
      const NodeId conv = builder.add(graph::Conv{work.in.channels,
                                                  work.out.channels,
                                                  work.kernel,
                                                  work.stride,
                                                  *padding,
                                                  work.dilation,
                                                  work.groups},
                                      {map},
                                      "work");
      const NodeId norm = builder.add(graph::BatchNorm{work.out.channels}, {conv}, "norm");
      return builder.add(graph::Relu{}, {norm}, "relu");
    }
    case WorkKind::kAdd:
      return builder.add(graph::Add{}, copies(), "work");
    case WorkKind::kConcat:
      // Of one map: a copy in a new order.
      if (work.inputs.size() == 1) {
        return builder.add(
            graph::Shuffle{work.in.channels % 2 == 0 ? 2 : work.in.channels}, {map}, "work");
      }
      return builder.add(graph::Concat{}, copies(), "work");
    case WorkKind::kScale:  // with learned factors; computed ones take no longer
      return builder.add(graph::Scale{work.in.channels}, {map}, "work");
    case WorkKind::kPool: {
      if (work.kernel == 1 && work.stride == 1)
        return builder.add(graph::GlobalPool{}, {map}, "work");
      const auto padding = padding_of(work);
      if (!padding) return std::nullopt;
      return builder.add(graph::MaxPool{work.kernel, work.stride, *padding}, {map}, "work");
    }
    case WorkKind::kResize:
      return std::nullopt;  // needs two sizes: probe_of_resize
  }
  return std::nullopt;
}

std::optional<WorkProbe> probe_of_resize(const Work& work) {
  const auto step = step_between(work.out, work.in);
  if (!step) return std::nullopt;
  ProbeBuilder builder(work.out);
  const NodeId small = builder.add(graph::MaxPool{1, *step, 0}, {builder.map()}, "small");
  WorkProbe probe{.with = {}, .without = builder.network(small), .picture = builder.picture()};
  probe.with = builder.network(builder.add(graph::Resize{}, {small, builder.map()}, "work"));
  return probe;
}

// ---- the file ----

void save(const latency::DeviceProfile& profile, const std::filesystem::path& file) {
  latency::TableDevice table = profile.table;
  const nlohmann::ordered_json json = {{"name", profile.name},
                                       {"title", profile.title},
                                       {"precision", profile.precision},
                                       {"error", profile.error},
                                       {"source", profile.source},
                                       {"model", "table"},
                                       {"table", deploy::write_fields(table)}};
  core::write_file_atomic(file, json.dump(1) + "\n");
}

std::string title_of(const Measurement& measurement) {
  const Conditions& conditions = measurement.conditions;
  return fmt::format("{}, {}, {} thread{}, batch 1",
                     conditions.device,
                     conditions.runtime,
                     conditions.threads,
                     conditions.threads == 1 ? "" : "s");
}

// ---- the measuring ----

class Generator {
 public:
  Generator(const std::vector<graph::Graph>& networks,
            graph::Size picture,
            LatencyMeter& work_meter,
            LatencyMeter& network_meter,
            const LookupTableOptions& options,
            const core::Context& context)
      : networks_(networks),
        picture_(picture),
        work_meter_(work_meter),
        network_meter_(network_meter),
        options_(options),
        context_(context) {}

  LookupTable run() {
    collect_works();
    const bool complete = measure_overhead() && measure_works() && measure_networks();
    // Whatever was measured is worth keeping.
    if (!profile().table.works.empty()) save(profile(), options_.file);
    if (complete) result_.end = ReadingEnd::kMeasured;
    return std::move(result_);
  }

 private:
  latency::DeviceProfile& profile() { return result_.profile; }

  void collect_works() {
    std::set<std::string> seen;
    for (const graph::Graph& network : networks_) {
      works_of_.push_back(latency::work_of(network, picture_));
      for (const Work& work : works_of_.back()) {
        if (seen.insert(latency::table_key(work)).second) distinct_.push_back(work);
      }
    }
    result_.works = static_cast<int>(distinct_.size());
  }

  void progress(std::string_view detail) {
    const std::size_t total = distinct_.size() + number_of_checks();
    context_.progress.advance(
        {"lookup table", static_cast<double>(done_), static_cast<double>(total), detail});
  }

  std::size_t number_of_checks() const {
    return std::min(networks_.size(),
                    static_cast<std::size_t>(std::max(1, options_.check_networks)));
  }

  // Median milliseconds; nothing when stopped or failed, which ends everything.
  std::optional<double> measure(LatencyMeter& meter,
                                const graph::Graph& network,
                                graph::Size picture) {
    Reading reading = meter.measure(Subject::untrained(network, picture), context_);
    if (reading.end == ReadingEnd::kMeasured) {
      last_ = std::move(reading.measurement);
      return last_.median;
    }
    result_.end = reading.end;
    result_.reason = reading.reason;
    return std::nullopt;
  }

  // Of the smallest network there is; it also tells under which conditions rows are measured.
  bool measure_overhead() {
    const ProbeBuilder smallest({4, 1, 1});
    const auto overhead = measure(work_meter_, smallest.network(smallest.map()), {1, 1});
    if (!overhead) return false;
    profile().name = options_.name;
    profile().title = title_of(last_);
    profile().precision = last_.conditions.precision;
    profile().model = latency::ModelKind::kTable;
    if (std::filesystem::exists(options_.file)) take_over_rows();
    profile().table.overhead = *overhead;
    profile().source = {"not finished: parsimony bench lut continues"};
    return true;
  }

  void take_over_rows() {
    const latency::DeviceProfile there = latency::device_profile(options_.file.string());
    if (there.model != latency::ModelKind::kTable || there.title != profile().title) {
      core::throw_user_error(
          "{}: was made for '{}', and this is '{}'; give another file's name, or delete it",
          options_.file.string(),
          there.title,
          profile().title);
    }
    profile().table.works = there.table.works;
    for (const std::string& row : there.table.works)
      known_.insert(latency::table_key(latency::parse_row(row).work));
  }

  bool measure_works() {
    auto saved = Clock::now();
    for (const Work& work : distinct_) {
      const std::string key = latency::table_key(work);
      if (!known_.contains(key)) {
        if (const auto probe = probe_of(work)) {
          const auto time = time_of(*probe);
          if (!time) return false;
          profile().table.works.push_back(latency::to_row({work, *time}));
          ++result_.measured;
        } else {
          ++result_.without_row;
        }
      }
      ++done_;
      progress(key);
      if (Clock::now() - saved < kSaveEvery || profile().table.works.empty()) continue;
      save(profile(), options_.file);
      saved = Clock::now();
    }
    return true;
  }

  std::optional<double> time_of(const WorkProbe& probe) {
    const auto with = measure(work_meter_, probe.with, probe.picture);
    if (!with) return std::nullopt;
    // The stem reads the picture itself: without it nothing is left to run.
    if (probe.without.nodes.size() == 1) return std::max(0.0, *with - profile().table.overhead);
    // Many works read maps of one shape.
    const std::string key = graph_text(probe);
    auto without = without_.find(key);
    if (without == without_.end()) {
      const auto time = measure(work_meter_, probe.without, probe.picture);
      if (!time) return std::nullopt;
      without = without_.emplace(key, *time).first;
    }
    return std::max(0.0, *with - without->second);
  }

  static std::string graph_text(const WorkProbe& probe) {
    std::string text = fmt::format("{}x{}", probe.picture.height, probe.picture.width);
    for (const graph::Node& node : probe.without.nodes) {
      if (const auto* conv = std::get_if<graph::Conv>(&node.layer))
        text += fmt::format(" {}", conv->out_channels);
      if (const auto* pool = std::get_if<graph::MaxPool>(&node.layer))
        text += fmt::format(" /{}", pool->stride);
    }
    return text;
  }

  bool measure_networks() {
    const std::size_t count = number_of_checks();
    std::vector<double> fit;    // log(measured / sum of rows), overhead left out
    std::vector<double> check;  // log(estimated / measured)
    std::vector<std::pair<std::size_t, double>> held_out;
    for (std::size_t i = 0; i < count; ++i) {
      // Spread over all of them.
      const std::size_t index = i * networks_.size() / count;
      const auto time = measure(network_meter_, networks_[index], picture_);
      if (!time) return false;
      ++done_;
      progress("whole networks");
      if (count >= kFewestForAFit && i % 2 == 0) {
        const double rows = estimate_of(index) - profile().table.overhead;
        fit.push_back(std::log(std::max(*time - profile().table.overhead, 1e-3 * *time) / rows));
      } else {
        held_out.emplace_back(index, *time);
      }
    }
    if (!fit.empty()) profile().table.scale = std::exp(mean(fit));
    for (const auto& [index, time] : held_out) check.push_back(std::log(estimate_of(index) / time));
    describe(fit, check);
    return true;
  }

  double estimate_of(std::size_t index) {
    return latency::estimate(profile(), works_of_[index]).milliseconds;
  }

  static double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }

  void describe(const std::vector<double>& fit, const std::vector<double>& check) {
    double squares = 0;
    double worst = 0;
    for (const double error : check) {
      squares += error * error;
      worst = std::max(worst, std::abs(error));
    }
    profile().error = std::sqrt(squares / static_cast<double>(check.size()));
    result_.fitted_on = static_cast<int>(fit.size());
    result_.checked_with = static_cast<int>(check.size());
    profile().source = {
        fmt::format("{} works measured by {}, one at a time, as the difference of a network with "
                    "and one without it",
                    profile().table.works.size(),
                    work_meter_.name()),
        fmt::format("scale from {} whole networks of {}x{} pixels; checked with {} others: rms of "
                    "log(estimated / measured) {:.3f}, worst {:.3f}",
                    fit.size(),
                    picture_.height,
                    picture_.width,
                    check.size(),
                    profile().error,
                    worst)};
  }

  const std::vector<graph::Graph>& networks_;
  graph::Size picture_;
  LatencyMeter& work_meter_;
  LatencyMeter& network_meter_;
  const LookupTableOptions& options_;
  const core::Context& context_;

  LookupTable result_;
  std::vector<std::vector<Work>> works_of_;  // per network
  std::vector<Work> distinct_;
  std::set<std::string> known_;            // keys of rows that were there
  std::map<std::string, double> without_;  // times of networks without their work
  Measurement last_;
  std::size_t done_ = 0;
};

}  // namespace

std::optional<WorkProbe> probe_of(const Work& work) {
  std::optional<WorkProbe> probe;
  if (work.kind == WorkKind::kResize) {
    probe = probe_of_resize(work);
  } else {
    Shape in = work.in;
    if (work.kind == WorkKind::kConcat) {
      // Only the sum of the parts' channels is known.
      const auto parts = static_cast<std::int64_t>(work.inputs.size());
      if (parts == 0 || in.channels % parts != 0) return std::nullopt;
      in.channels /= parts;
    }
    ProbeBuilder builder(in);
    probe = WorkProbe{
        .with = {}, .without = builder.network(builder.map()), .picture = builder.picture()};
    const auto result = add_work(builder, work, builder.map());
    if (!result) return std::nullopt;
    probe->with = builder.network(*result);
  }
  if (!probe) return std::nullopt;
  const Shape out = graph::infer_shapes(probe->with, probe->picture).back();
  if (out != work.out) return std::nullopt;
  return probe;
}

LookupTable measure_lookup_table(const std::vector<graph::Graph>& networks,
                                 graph::Size picture,
                                 LatencyMeter& work_meter,
                                 LatencyMeter& network_meter,
                                 const LookupTableOptions& options,
                                 const core::Context& context) {
  core::require(!networks.empty(), "a lookup table of no networks");
  return Generator(networks, picture, work_meter, network_meter, options, context).run();
}

}  // namespace parsimony::meter
