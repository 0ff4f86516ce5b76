// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/latency/work.h"

namespace parsimony::latency {

// A microcontroller whose cluster of cores computes on a small memory (L1) that a DMA engine fills
// from a larger one (L2), behind which lies an external one (L3): GAP8 and its kind. int8.
//
// Hardware constants and budgets are published ones, the rest is calibrated on published
// measurements; a profile's `source` says which. Cycles are the cluster's.
struct TiledDevice {
  double cluster_mhz = 175, controller_mhz = 250;
  std::int64_t cores = 8;
  std::int64_t l1_bytes = 46736, l2_bytes = 350000, l3_bytes = 8'000'000;  // free for a network
  double dma_bytes_per_cycle = 8;
  double dma_latency = 10;        // cycles per transfer
  double tile_choice_cost = 200;  // cycles a tile counts when tiles are chosen
  double l3_read_bytes_per_controller_cycle = 0.65;
  double l3_write_share = 0.4;  // speed of writing, of that of reading

  // Core cycles per output value (`_output`) and per multiply-accumulate (`_mac`).
  double pointwise_output = 0, pointwise_mac = 0;
  double convolution_output = 0;
  double convolution_mac = 0;       // up to 75 multiply-accumulates per output: first layers
  double wide_convolution_mac = 0;  // above
  double depthwise_output = 0;      // of a 3x3 kernel; in proportion to the kernel's size
  double strided_depthwise_output = 0;
  double linear_mac = 0;
  double element = 0;  // per value of sums, pools, resizes and concatenations

  // Kernels that gather the pixels of a window before a product of 4 channels x 2 pixels
  // (PULP-NN); costs of gathering are core cycles per byte, for pictures and for maps.
  bool gathers = false;
  double gather_picture = 0, gather_map = 0;

  double serial_share = 0;  // of the shorter one of computing and L3 traffic that does not overlap
  double tile_cycles = 0, layer_cycles = 0;  // fixed
  void visit(core::FieldVisitor& v);
};

// Where the time of one work goes, in cluster cycles.
struct TiledTime {
  double total = 0;
  double compute = 0, l1_traffic = 0, l3_traffic = 0;
  std::int64_t tiles = 0;
  bool fits_l1 = true;
};

// The analytic model of spec fmas 4.3: per layer, the longest of computing, L2-L1 and L3-L2
// traffic, which overlap, plus what does not.
std::vector<TiledTime> tiled_times(const TiledDevice& device, const std::vector<Work>& works);

// Bytes of external memory that the network's weights take, and those maps that do not fit L2, at
// the moment at which most of them are needed.
std::int64_t external_bytes(const TiledDevice& device, const std::vector<Work>& works);

}  // namespace parsimony::latency
