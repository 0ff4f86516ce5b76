// SPDX-License-Identifier: Apache-2.0
#include "parsimony/latency/tiled.h"

#include <algorithm>
#include <optional>

namespace parsimony::latency {
namespace {

constexpr std::int64_t kRequantisationBytes = 8;  // per output channel
constexpr int kTransfersPerTile = 3;              // input, weights, output
constexpr double kReferenceKernel = 9;            // 3x3, what depthwise costs are stated for
constexpr std::int64_t kFirstLayerMacs = 75;      // 5x5 of three channels
constexpr double kSmallShareOfL2 = 0.6;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

struct Tiling {
  std::int64_t tiles = 0;
  std::int64_t bytes = 0;  // moved between L2 and L1
  bool fits = true;
};

// Sizes that a dimension is cut into: its length divided by small numbers and powers of two.
std::vector<std::int64_t> cuts(std::int64_t length) {
  std::vector<std::int64_t> sizes;
  for (const std::int64_t parts :
       {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024})
    sizes.push_back(std::max<std::int64_t>(1, ceil_div(length, parts)));
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

// One way to cut a convolution into tiles of `channels` output channels, `rows` and `columns`.
struct Tile {
  std::int64_t channels, rows, columns;
};

std::int64_t input_bytes(const Work& work, const Tile& tile, std::int64_t channels) {
  const std::int64_t reach = (work.kernel - 1) * work.dilation + 1;
  return std::min(work.in.height, (tile.rows - 1) * work.stride + reach) *
         std::min(work.in.width, (tile.columns - 1) * work.stride + reach) * channels;
}

bool fits(const TiledDevice& device, const Work& work, const Tile& tile) {
  const bool whole = tile.channels == work.out.channels && tile.rows == work.out.height &&
                     tile.columns == work.out.width;
  const bool depthwise = work.kind == WorkKind::kDepthwise;
  const std::int64_t macs = work.macs_per_output();
  const std::int64_t one_tile =
      input_bytes(work, tile, depthwise ? tile.channels : work.in.channels) +
      tile.rows * tile.columns * tile.channels + tile.channels * (macs + kRequantisationBytes);
  // The next tile's data arrive while this one is computed.
  std::int64_t bytes = whole ? one_tile : 2 * one_tile;
  if (device.gathers && work.kind == WorkKind::kConvolution) bytes += 2 * device.cores * macs;
  return bytes <= device.l1_bytes;
}

Tiling tiling_with(const Work& work, const Tile& tile) {
  const std::int64_t channel_tiles = ceil_div(work.out.channels, tile.channels);
  const std::int64_t map_tiles =
      ceil_div(work.out.height, tile.rows) * ceil_div(work.out.width, tile.columns);
  Tiling tiling{.tiles = channel_tiles * map_tiles};
  if (work.kind == WorkKind::kDepthwise) {
    tiling.bytes = tiling.tiles * input_bytes(work, tile, tile.channels) + work.out.elements() +
                   work.weights();
    return tiling;
  }
  // Either the weights stay while the map passes, or the other way round.
  const std::int64_t map = map_tiles * input_bytes(work, tile, work.in.channels);
  tiling.bytes = work.out.elements() +
                 std::min(work.weights() + channel_tiles * map, map + map_tiles * work.weights());
  return tiling;
}

// How many maps the size of its result a work reads.
std::int64_t terms(const Work& work) {
  return work.kind == WorkKind::kAdd ? static_cast<std::int64_t>(work.inputs.size()) : 1;
}

Tiling best_tiling(const TiledDevice& device, const Work& work) {
  if (!work.is_convolution()) {
    const std::int64_t bytes = terms(work) * work.in.elements() + work.out.elements();
    return {std::max<std::int64_t>(1, ceil_div(2 * bytes, device.l1_bytes)), bytes};
  }
  std::optional<Tiling> best;
  double best_cost = 0;
  for (const std::int64_t channels : cuts(work.out.channels)) {
    for (const std::int64_t rows : cuts(work.out.height)) {
      for (const std::int64_t columns : cuts(work.out.width)) {
        const Tile tile{channels, rows, columns};
        if (!fits(device, work, tile)) continue;
        const Tiling tiling = tiling_with(work, tile);
        const double cost = static_cast<double>(tiling.bytes) / device.dma_bytes_per_cycle +
                            static_cast<double>(tiling.tiles) *
                                (kTransfersPerTile * device.dma_latency + device.tile_choice_cost);
        if (best && cost >= best_cost) continue;
        best = tiling;
        best_cost = cost;
      }
    }
  }
  if (best) return *best;
  // Nothing fits: what it would cost to fetch everything pixel by pixel, marked as such.
  return {work.out.height * work.out.width,
          work.in.elements() + work.out.elements() + 4 * work.weights(),
          false};
}

double compute_cycles(const TiledDevice& device, const Work& work) {
  const auto outputs = static_cast<double>(work.out.elements());
  const auto macs = static_cast<double>(work.macs_per_output());
  const auto cores = static_cast<double>(device.cores);
  const bool pointwise = work.kind == WorkKind::kPointwise;
  if (device.gathers && (pointwise || work.kind == WorkKind::kConvolution)) {
    const std::int64_t pairs = ceil_div(work.out.height * work.out.width, 2 * device.cores);
    const double gather = work.in.channels < 4 ? device.gather_picture : device.gather_map;
    return static_cast<double>(2 * pairs) *
           (static_cast<double>(work.out.channels) *
                (device.pointwise_mac * macs + device.pointwise_output) +
            (pointwise ? 0 : gather * macs));
  }
  switch (work.kind) {
    case WorkKind::kPointwise:
      return outputs * (device.pointwise_output + device.pointwise_mac * macs) / cores;
    case WorkKind::kConvolution: {
      const bool first = work.macs_per_output() <= kFirstLayerMacs;
      const double mac = first ? device.convolution_mac : device.wide_convolution_mac;
      return outputs * (device.convolution_output + mac * macs) / cores;
    }
    case WorkKind::kDepthwise: {
      const double output =
          work.stride == 1 ? device.depthwise_output : device.strided_depthwise_output;
      return outputs * output * (macs / kReferenceKernel) / cores;
    }
    case WorkKind::kLinear:
      return outputs * (device.pointwise_output + device.linear_mac * macs) / cores;
    case WorkKind::kAdd:
      return static_cast<double>(terms(work) - 1) * outputs * device.element / cores;
    case WorkKind::kPool:
    case WorkKind::kResize:
    case WorkKind::kConcat:
    case WorkKind::kScale:
      break;
  }
  return static_cast<double>(std::max(work.in.elements(), work.out.elements())) * device.element /
         cores;
}

// Which maps lie in external memory: `[i + 1]` is the result of work i, `[0]` the picture.
std::vector<bool> spilled_maps(const TiledDevice& device, const std::vector<Work>& works) {
  std::vector<bool> spilled(works.size() + 1, false);
  if (works.empty()) return spilled;
  const auto small = kSmallShareOfL2 * static_cast<double>(device.l2_bytes);
  const auto is_large = [&](std::int64_t bytes) { return static_cast<double>(bytes) > small; };
  spilled[0] = 2 * works[0].in.elements() > device.l2_bytes;
  for (std::size_t i = 0; i < works.size(); ++i) {
    const Work& work = works[i];
    const std::int64_t in = work.in.elements();
    const std::int64_t out = work.out.elements();
    if (terms(work) * in + out <= device.l2_bytes) continue;
    // The larger side goes; both go when the smaller one is large too.
    const bool larger_in = in >= out;
    const auto latest = static_cast<std::size_t>(work.inputs.back() + 1);
    if (larger_in || is_large(in)) spilled[latest] = true;
    if (!larger_in || is_large(out)) spilled[i + 1] = true;
  }
  return spilled;
}

}  // namespace

void TiledDevice::visit(core::FieldVisitor& v) {
  v.field("cluster_mhz", cluster_mhz, {"clock of the computing cores, MHz", 1e-3});
  v.field(
      "controller_mhz", controller_mhz, {"clock of the controller and its memory bus, MHz", 1e-3});
  v.field("cores", cores, {"computing cores", 1, 4096});
  v.field("l1_bytes", l1_bytes, {"L1 memory that tiles may fill, bytes", 1});
  v.field("l2_bytes", l2_bytes, {"L2 memory that maps may fill, bytes", 1});
  v.field("l3_bytes", l3_bytes, {"external memory, bytes", 0});
  v.field("dma_bytes_per_cycle", dma_bytes_per_cycle, {"between L2 and L1", 1e-6});
  v.field("dma_latency", dma_latency, {"cycles per transfer between L2 and L1", 0});
  v.field("tile_choice_cost", tile_choice_cost, {"cycles a tile counts when tiles are chosen", 0});
  v.field("l3_read_bytes_per_controller_cycle",
          l3_read_bytes_per_controller_cycle,
          {"from the external memory", 1e-6});
  v.field("l3_write_share", l3_write_share, {"speed of writing to it, of that of reading", 1e-6});
  v.field("pointwise_output", pointwise_output, {"core cycles per output value, 1x1", 0});
  v.field("pointwise_mac", pointwise_mac, {"core cycles per multiply-accumulate, 1x1", 0});
  v.field("convolution_output", convolution_output, {"core cycles per output value, k x k", 0});
  v.field("convolution_mac",
          convolution_mac,
          {"core cycles per multiply-accumulate of a k x k convolution of up to 75 of them", 0});
  v.field("wide_convolution_mac", wide_convolution_mac, {"the same of more", 0});
  v.field("depthwise_output", depthwise_output, {"core cycles per output value, 3x3 depthwise", 0});
  v.field(
      "strided_depthwise_output", strided_depthwise_output, {"the same with a stride above 1", 0});
  v.field("linear_mac", linear_mac, {"core cycles per multiply-accumulate of linear layers", 0});
  v.field("element", element, {"core cycles per value of sums, pools, resizes, concatenations", 0});
  v.field("gathers", gathers, {"whether windows are gathered before a product (PULP-NN)"});
  v.field("gather_picture", gather_picture, {"core cycles per byte gathered of a picture", 0});
  v.field("gather_map", gather_map, {"core cycles per byte gathered of a map", 0});
  v.field(
      "serial_share",
      serial_share,
      {"share of the shorter one of computing and external traffic that does not overlap", 0, 1});
  v.field("tile_cycles", tile_cycles, {"fixed cycles per tile", 0});
  v.field("layer_cycles", layer_cycles, {"fixed cycles per layer", 0});
}

std::vector<TiledTime> tiled_times(const TiledDevice& device, const std::vector<Work>& works) {
  const std::vector<bool> spilled = spilled_maps(device, works);
  const double read =
      device.l3_read_bytes_per_controller_cycle * device.controller_mhz / device.cluster_mhz;
  const double write = read * device.l3_write_share;
  std::vector<TiledTime> times;
  for (std::size_t i = 0; i < works.size(); ++i) {
    const Work& work = works[i];
    const Tiling tiling = best_tiling(device, work);
    const auto tiles = static_cast<double>(tiling.tiles);
    TiledTime time{.tiles = tiling.tiles, .fits_l1 = tiling.fits};
    time.compute = compute_cycles(device, work);
    time.l1_traffic = static_cast<double>(tiling.bytes) / device.dma_bytes_per_cycle +
                      tiles * kTransfersPerTile * device.dma_latency;
    std::int64_t reads = work.weights();  // always: a network's weights lie outside
    if (spilled[static_cast<std::size_t>(work.inputs.back() + 1)])
      reads += terms(work) * work.in.elements();
    time.l3_traffic = static_cast<double>(reads) / read;
    if (spilled[i + 1]) time.l3_traffic += static_cast<double>(work.out.elements()) / write;
    time.total = std::max({time.compute, time.l1_traffic, time.l3_traffic}) +
                 device.serial_share * std::min(time.compute, time.l3_traffic) +
                 tiles * device.tile_cycles + device.layer_cycles;
    times.push_back(time);
  }
  return times;
}

std::int64_t external_bytes(const TiledDevice& device, const std::vector<Work>& works) {
  const std::vector<bool> spilled = spilled_maps(device, works);
  // Maps are numbered as in spilled_maps().
  std::vector<std::size_t> last_reader(works.size() + 1, 0);
  std::int64_t weights = 0;
  for (std::size_t i = 0; i < works.size(); ++i) {
    weights += works[i].weights();
    for (const int input : works[i].inputs) last_reader[static_cast<std::size_t>(input + 1)] = i;
  }
  std::int64_t live = !works.empty() && spilled[0] ? works[0].in.elements() : 0;
  std::int64_t most = live;
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (spilled[i + 1]) live += works[i].out.elements();
    most = std::max(most, live);
    for (std::size_t map = 0; map <= i; ++map) {
      if (!spilled[map] || last_reader[map] != i) continue;
      live -= map == 0 ? works[0].in.elements() : works[map - 1].out.elements();
    }
  }
  return weights + most;
}

}  // namespace parsimony::latency
