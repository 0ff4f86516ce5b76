// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parsimony::objective {

// Named measurements of a network: "miou", "reward", "params", "macs", ...
using Scores = std::map<std::string, double>;

enum class Direction { kMaximize, kMinimize };
std::string_view name_of(Direction direction);  // "maximize", "minimize"

// One thing to be good at.
struct Objective {
  std::string name;  // the score it reads
  Direction direction = Direction::kMaximize;
  std::string unit;  // "", "parameters", "MACs", "ms"
  bool operator==(const Objective&) const = default;
};

// The objectives Parsimony knows by name, and the latency on any device, "latency_ms.DEVICE"; a
// user error with the nearest name for any other.
inline constexpr std::string_view kLatencyOn = "latency_ms.";
// Before the name of a class, or of a group of classes taken as one: "f1.eyes".
inline constexpr std::string_view kF1Of = "f1.";
Objective objective_by_name(std::string_view name);
std::vector<Objective> objectives_by_name(const std::vector<std::string>& names);
const std::vector<Objective>& known_objectives();

// Whether a score is what a network costs, rather than how good its predictions are: parameters,
// MACs, latencies. Known before any training, unless it is measured.
bool is_cost(std::string_view score);

// The scores by which people know how good a network is, for one line: "61.3 % mIoU"; of a task
// without that what it is known by, "PCK 55.1 %", "RMSE 0.741 m, delta1 61.2 %"; of several tasks
// one behind the other. Empty where there is none of them.
std::string headline(const Scores& scores);

// Who measures: a latency on one of these, or on a runner's device ("latency_ms.runner:board"), was
// measured (meter/meter.h). All other names are of devices whose model told it (latency/profile.h).
inline constexpr std::string_view kHostTorch = "host-torch";
inline constexpr std::string_view kHostOnnx = "host-onnx";
inline constexpr std::string_view kRunner = "runner:";
bool is_measured_latency(std::string_view score);

// A network as a point: one value per objective, turned so that smaller is better.
using Point = std::vector<double>;
// nullopt when a score is missing or not finite.
std::optional<Point> to_point(const Scores& scores, const std::vector<Objective>& objectives);

// The functions below expect finite points that all have the same number of values.

// True when `a` is nowhere worse and somewhere better than `b` (smaller is better). Compares
// exactly.
bool dominates(const Point& a, const Point& b);

// Indices of the points that no other dominates, in input order; of equal points the first.
std::vector<std::size_t> pareto_front(const std::vector<Point>& points);

// Rank of each point after fast non-dominated sorting (0 = front) and crowding distance within a
// front (Deb et al., NSGA-II, IEEE TEC 2002).
//
// `crowding_distances` ranks the points itself, so it takes one front or a whole population. Three
// cases the paper leaves open: the sum is not divided by the number of objectives; an objective in
// which a front agrees adds nothing (not 0/0); of equal points the first is measured as if it were
// alone and the others get 0, so copies are the first to go.
std::vector<int> non_dominated_ranks(const std::vector<Point>& points);
std::vector<double> crowding_distances(const std::vector<Point>& points);

// Volume dominated by the points and bounded by `reference`; exact for any number of objectives
// (While et al., WFG, IEEE TEC 2012). Points not better than the reference add nothing. The order
// of the points does not change a single bit of the result.
double hypervolume(const std::vector<Point>& points, const Point& reference);

}  // namespace parsimony::objective
