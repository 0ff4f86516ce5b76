// SPDX-License-Identifier: Apache-2.0
// Rows of maps that are resized and added, part of loops_body.cc and compiled once per instruction
// set. A pixel is a run of channels, so every loop is over contiguous values.
#pragma once

#include <cstdint>

#include "parsimony/network/simd/loops.h"

namespace parsimony::network::simd {
namespace {

void copy_or_add(std::int64_t size, const float* x, bool add, float* y) {
  if (add) {
    for (std::int64_t i = 0; i < size; ++i) y[i] += x[i];
  } else {
    for (std::int64_t i = 0; i < size; ++i) y[i] = x[i];
  }
}

void mix(std::int64_t size, const float* first, const float* second, float share, float* y) {
  for (std::int64_t i = 0; i < size; ++i) y[i] = first[i] + share * (second[i] - first[i]);
}

void add_scaled(std::int64_t size, const float* x, float factor, float* y) {
  for (std::int64_t i = 0; i < size; ++i) y[i] += factor * x[i];
}

void relu(std::int64_t size, float* x) {
  for (std::int64_t i = 0; i < size; ++i) x[i] = x[i] < 0 ? 0 : x[i];  // NaN stays
}

double dot(std::int64_t size, const float* x, const float* y) {
  constexpr std::int64_t kSums = 64;  // side by side, or one addition would wait for another
  float sums[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= size; i += kSums) {
    for (std::int64_t j = 0; j < kSums; ++j) sums[j] += x[i + j] * y[i + j];
  }
  double sum = 0;
  for (; i < size; ++i) sum += static_cast<double>(x[i]) * y[i];
  for (const float partial : sums) sum += partial;
  return sum;
}

void passed_by_relu(std::int64_t size, const float* y_gradient, const float* y, float* gradient) {
  for (std::int64_t i = 0; i < size; ++i) gradient[i] = y[i] > 0 ? y_gradient[i] : 0;
}

void interpolate_row(
    const Interpolation& across, std::int64_t channels, const float* source, bool add, float* row) {
  for (std::int64_t p = 0; p < across.size; ++p) {
    const float* __restrict first = source + across.first[p] * channels;
    const float* __restrict second = source + across.second[p] * channels;
    const float share = across.share[p];
    float* __restrict out = row + p * channels;
    if (add) {
      for (std::int64_t c = 0; c < channels; ++c)
        out[c] += first[c] + share * (second[c] - first[c]);
    } else {
      for (std::int64_t c = 0; c < channels; ++c)
        out[c] = first[c] + share * (second[c] - first[c]);
    }
  }
}

void spread_row(const Interpolation& across,
                std::int64_t channels,
                const float* row_gradient,
                float* source_gradient) {
  for (std::int64_t p = 0; p < across.size; ++p) {
    const float* __restrict g = row_gradient + p * channels;
    float* first = source_gradient + across.first[p] * channels;
    const float share = across.share[p];
    for (std::int64_t c = 0; c < channels; ++c) first[c] += (1 - share) * g[c];
    if (share == 0) continue;
    float* second = source_gradient + across.second[p] * channels;
    for (std::int64_t c = 0; c < channels; ++c) second[c] += share * g[c];
  }
}

}  // namespace
}  // namespace parsimony::network::simd
