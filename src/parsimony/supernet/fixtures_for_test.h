// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/deploy/testing/reference.h"
#include "parsimony/graph/deeplab.h"

namespace parsimony::supernet {

using deploy::testing::Map;
using deploy::testing::random_map;
using deploy::testing::random_weights;
using deploy::testing::run_reference;

// Networks small enough for the reference, with every kind of site.
inline graph::DeeplabOptions small_mobilenet(
    graph::DeeplabHead head = graph::DeeplabHead::kSeparable) {
  return {.width = 0.25,
          .head = head,
          .aspp_channels = 24,
          .low_level_channels = 24,
          .decoder_channels = 32};
}
inline graph::DeeplabOptions small_xception() {
  return {.backbone = graph::DeeplabBackbone::kXception65,
          .width = 0.1,
          .head = graph::DeeplabHead::kDense,
          .aspp_channels = 24,
          .low_level_channels = 24,
          .decoder_channels = 24};
}

// Of a parametrised test, such as "MobilenetV2Dense".
inline std::string name_of(const ::testing::TestParamInfo<graph::DeeplabOptions>& info) {
  const bool xception = info.param.backbone == graph::DeeplabBackbone::kXception65;
  const bool dense = info.param.head == graph::DeeplabHead::kDense;
  return std::string(xception ? "Xception" : "MobilenetV2") + (dense ? "Dense" : "Separable");
}

// Largest difference relative to the largest value of the first.
inline double relative_difference(const Map& one, const Map& other) {
  EXPECT_EQ(one.shape, other.shape);
  if (one.shape != other.shape) return 1;
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < one.values.size(); ++i) {
    largest = std::max(largest, std::abs(one.values[i]));
    difference = std::max(difference, std::abs(one.values[i] - other.values[i]));
  }
  EXPECT_GT(largest, 0);
  return difference / largest;
}

inline std::string error_of(const std::function<void()>& action,
                            core::ErrorKind kind = core::ErrorKind::kUser) {
  try {
    action();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "no error";
}

}  // namespace parsimony::supernet
