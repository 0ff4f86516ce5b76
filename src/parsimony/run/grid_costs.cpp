// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/grid_costs.h"

#include <fmt/format.h>

#include <algorithm>

#include "parsimony/bilevel/search.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/graph/grid_network.h"
#include "parsimony/latency/profile.h"
#include "parsimony/latency/work.h"
#include "parsimony/objective/objective.h"

namespace parsimony::run {
namespace {

latency::DeviceProfile device_of(const std::string& cost, const std::vector<std::string>& devices) {
  for (const std::string& name : devices) {
    latency::DeviceProfile profile = latency::device_profile(name);
    if (cost == fmt::format("{}{}", objective::kLatencyOn, profile.name)) return profile;
  }
  core::throw_user_error(
      "differentiable.cost is {}; expected macs, params, or {}DEVICE of a device of cost.devices ({})",
      cost,
      objective::kLatencyOn,
      devices.empty() ? "none" : core::join(devices, ", "));
}

// One value per work.
std::vector<double> values_of(const std::vector<latency::Work>& works,
                              const std::string& cost,
                              const std::vector<std::string>& devices) {
  std::vector<double> values;
  if (cost == "macs" || cost == "params") {
    for (const latency::Work& work : works)
      values.push_back(static_cast<double>(cost == "macs" ? work.macs() : work.weights()));
    return values;
  }
  return latency::estimate(device_of(cost, devices), works).work_milliseconds;
}

}  // namespace

differentiable::GridCosts grid_costs(const space::GridCell& cell,
                                     const space::GridSpaceOptions& space,
                                     const graph::GridOptions& network,
                                     int classes,
                                     graph::Size picture,
                                     const std::string& cost,
                                     const std::vector<std::string>& devices) {
  const std::vector<space::GridLayer> paths = bilevel::all_paths(space);
  const std::vector<latency::Work> works =
      latency::work_of(graph::grid_network({cell, paths}, network, classes), picture);
  const std::vector<double> values = values_of(works, cost, devices);
  const auto sum_of = [&](const std::string& part) {
    double sum = 0;
    for (std::size_t i = 0; i < works.size(); ++i) {
      const std::string& name = works[i].name;
      if (name == part || name.starts_with(part + ".")) sum += values[i];
    }
    return sum;
  };
  differentiable::GridCosts costs;
  for (std::size_t l = 0; l < paths.size(); ++l) {
    std::vector<double>& edges = costs.edges.emplace_back();
    for (const space::GridEdge& edge : paths[l])
      edges.push_back(sum_of(fmt::format("layer{}.path{}-{}", l + 1, edge.from, edge.to)));
    auto& nodes = costs.nodes.emplace_back();
    for (std::size_t scale = 0; scale < nodes.size(); ++scale)
      nodes[scale] = sum_of(fmt::format("layer{}.scale{}", l + 1, scale));
  }
  return costs;
}

}  // namespace parsimony::run
