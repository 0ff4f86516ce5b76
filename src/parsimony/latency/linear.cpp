// SPDX-License-Identifier: Apache-2.0
#include "parsimony/latency/linear.h"

#include <algorithm>

namespace parsimony::latency {
namespace {

constexpr double kMillion = 1e6;

double coefficient(const LinearDevice& device, WorkKind kind) {
  switch (kind) {
    case WorkKind::kPointwise:
    case WorkKind::kLinear:
      return device.pointwise;
    case WorkKind::kConvolution:
      return device.convolution;
    case WorkKind::kDepthwise:
      return device.depthwise;
    case WorkKind::kAdd:
    case WorkKind::kPool:
    case WorkKind::kResize:
    case WorkKind::kConcat:
    case WorkKind::kScale:
      return device.element;
  }
  return 0;
}

}  // namespace

void LinearDevice::visit(core::FieldVisitor& v) {
  v.field("pointwise", pointwise, {"ms per million multiply-accumulates, 1x1 and linear", 0});
  v.field("convolution", convolution, {"ms per million multiply-accumulates, k x k", 0});
  v.field("depthwise", depthwise, {"ms per million multiply-accumulates, depthwise", 0});
  v.field("element", element, {"ms per million values of sums, pools, resizes, concatenations", 0});
  v.field("layer", layer, {"ms per layer", 0});
}

std::vector<double> linear_times(const LinearDevice& device, const std::vector<Work>& works) {
  std::vector<double> times;
  for (const Work& work : works) {
    const std::int64_t amount =
        work.is_convolution() ? work.macs() : std::max(work.in.elements(), work.out.elements());
    times.push_back(coefficient(device, work.kind) * static_cast<double>(amount) / kMillion +
                    device.layer);
  }
  return times;
}

}  // namespace parsimony::latency
