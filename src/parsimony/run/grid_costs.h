// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/differentiable/paths/budget.h"
#include "parsimony/graph/graph.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::run {

// What the parts of a grid cost that a search of paths decides about: the transition of each edge
// and the module of each node, in the final network with this cell. `cost` is "macs", "params" (of
// convolutions), or "latency_ms.DEVICE" of one of `devices`, latency::device_profile() names, as if
// the device did one layer after the other. Stem and head, which are always there, are left out.
//
// A user error for another cost, or for a device that the study does not name.
differentiable::GridCosts grid_costs(const space::GridCell& cell,
                                     const space::GridSpaceOptions& space,
                                     const graph::GridOptions& network,
                                     int classes,
                                     graph::Size picture,
                                     const std::string& cost,
                                     const std::vector<std::string>& devices);

}  // namespace parsimony::run
