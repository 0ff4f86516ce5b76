// SPDX-License-Identifier: Apache-2.0
// Cross-entropy and classes of pixels whose logits are interpolated on the way, part of
// loops_body.cc and compiled once per instruction set. The logits of a pixel are one or a few
// vectors, so nothing of the size of the larger picture is ever stored.
#pragma once

#include <cmath>
#include <cstdint>

#include "parsimony/network/simd/loops.h"
#include "parsimony/network/simd/vector_body.h"

namespace parsimony::network::simd {
namespace {

typedef std::int32_t IntVec __attribute__((vector_size(kLanes * 4)));

// e^x for x <= 0, relative error below 2e-7; below e^-64 stays there: lanes without a class would
// else give values whose products are denormal, for which Intel's processors take a hundred times
// as long. x = n ln 2 + r, and e^r is the polynomial of Cephes' expf.
inline Vec exp_of_nonpositive(Vec x) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it leaves integers
  const Vec lowest = splat(-64.0F);
  x = x < lowest ? lowest : x;
  const Vec n = (x * 1.44269504F + kRound) - kRound;
  const Vec r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  Vec p = splat(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const IntVec power = (__builtin_convertvector(n, IntVec) + 127) << 23;
  return p * reinterpret_cast<Vec>(power);
}

// Each of the vector's halves with the other one's values, then quarters, ...: after log2(lanes)
// steps every lane holds the result.
template <int kStep>
inline Vec exchanged(Vec v) {
  IntVec from;
  for (int i = 0; i < kLanes; ++i) from[i] = i ^ kStep;
  return __builtin_shuffle(v, from);
}
template <int kStep = kLanes / 2>
inline Vec largest_lane(Vec v) {
  const Vec other = exchanged<kStep>(v);
  v = v < other ? other : v;
  if constexpr (kStep > 1) return largest_lane<kStep / 2>(v);
  return v;
}
template <int kStep = kLanes / 2>
inline Vec sum_of_lanes(Vec v) {
  v = v + exchanged<kStep>(v);
  if constexpr (kStep > 1) return sum_of_lanes<kStep / 2>(v);
  return v;
}

inline IntVec lane_numbers() {
  IntVec lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  return lane;
}

inline Vec largest(Vec a, Vec b) {
  return a < b ? b : a;
}

// The logits of pixel p, one class per lane.
inline void interpolate(const Interpolation& across,
                        std::int64_t p,
                        std::int64_t vectors,
                        const float* source,
                        Vec* logits) {
  const float* first = source + across.first[p] * vectors * kLanes;
  const float* second = source + across.second[p] * vectors * kLanes;
  for (std::int64_t i = 0; i < vectors; ++i) {
    const Vec left = load(first + i * kLanes);
    logits[i] = left + across.share[p] * (load(second + i * kLanes) - left);
  }
}

// One of them; `source` is the first pixel's.
inline float interpolated(const Interpolation& across,
                          std::int64_t p,
                          std::int64_t width,
                          const float* source) {
  const float left = source[across.first[p] * width];
  return left + across.share[p] * (source[across.second[p] * width] - left);
}

// Puts e^(v - top) in the place of a pixel's logits v, the largest of which is the top.
struct Exponentials {
  Vec top, sum;  // in every lane
};
inline Exponentials exponentiate(std::int64_t vectors, Vec* v) {
  Vec top = splat(kNoClass);
  for (std::int64_t i = 0; i < vectors; ++i) top = largest(top, v[i]);
  top = largest_lane(top);
  Vec sum = Vec{};
  for (std::int64_t i = 0; i < vectors; ++i) {
    v[i] = exp_of_nonpositive(v[i] - top);
    sum += v[i];
  }
  return {top, sum_of_lanes(sum)};
}

// kCount vectors of logits per pixel; 0: as many as `count` says.
template <int kCount>
double cross_entropy_row_of(const Interpolation& across,
                            std::int64_t classes,
                            std::int64_t count,
                            const float* source,
                            const std::uint8_t* labels,
                            float* gradient) {
  constexpr int kMost = kCount > 0 ? kCount : 256 / kLanes;
  const std::int64_t vectors = kCount > 0 ? kCount : count;
  const std::int64_t width = vectors * kLanes;
  const IntVec lane = lane_numbers();
  double loss = 0;
  double product = 1;  // of the softmax denominators: one logarithm for many pixels
  Vec to_first[kMost];
  Vec to_second[kMost];
  for (std::int64_t i = 0; i < vectors; ++i) to_first[i] = to_second[i] = Vec{};

  for (std::int64_t p = 0; p < across.size; ++p) {
    const std::int64_t first = across.first[p];
    const std::int64_t second = across.second[p];
    const std::int64_t label = labels[p];
    if (label < classes) {
      const float share = across.share[p];
      Vec v[kMost];
      interpolate(across, p, vectors, source, v);
      const auto [top, sum] = exponentiate(vectors, v);
      const float of_label = interpolated(across, p, width, source + label);
      loss += static_cast<double>(top[0] - of_label);
      product *= static_cast<double>(sum[0]);
      if (product > 1e200) {
        loss += std::log(product);
        product = 1;
      }
      const Vec scale = 1.0F / sum;
      for (std::int64_t i = 0; i < vectors; ++i) {
        const IntVec here = lane == static_cast<std::int32_t>(label - i * kLanes);
        const Vec d = v[i] * scale - (here ? splat(1.0F) : Vec{});
        to_second[i] += share * d;
        to_first[i] += d - share * d;
      }
    }
    // Neighbours read the same pair where the picture grows: their gradients are added up first.
    const bool last = p + 1 == across.size;
    if (last || across.first[p + 1] != first || across.second[p + 1] != second) {
      for (std::int64_t i = 0; i < vectors; ++i) {
        float* left = gradient + first * width + i * kLanes;
        store(left, load(left) + to_first[i]);
        float* right = gradient + second * width + i * kLanes;
        store(right, load(right) + to_second[i]);
        to_first[i] = to_second[i] = Vec{};
      }
    }
  }
  return loss + std::log(product);
}

double cross_entropy_row(const Interpolation& across,
                         std::int64_t classes,
                         const float* source,
                         const std::uint8_t* labels,
                         float* gradient) {
  const std::int64_t count = (classes + kLanes - 1) / kLanes;
  switch (count) {
    case 1:
      return cross_entropy_row_of<1>(across, classes, count, source, labels, gradient);
    case 2:
      return cross_entropy_row_of<2>(across, classes, count, source, labels, gradient);
    case 3:
      return cross_entropy_row_of<3>(across, classes, count, source, labels, gradient);
    default:
      return cross_entropy_row_of<0>(across, classes, count, source, labels, gradient);
  }
}

template <int kCount>
void pixel_losses_row_of(const Interpolation& across,
                         std::int64_t classes,
                         std::int64_t count,
                         const float* source,
                         const std::uint8_t* labels,
                         float* losses) {
  constexpr int kMost = kCount > 0 ? kCount : 256 / kLanes;
  const std::int64_t vectors = kCount > 0 ? kCount : count;
  for (std::int64_t p = 0; p < across.size; ++p) {
    const std::int64_t label = labels[p];
    losses[p] = kNoLoss;
    if (label >= classes) continue;
    Vec v[kMost];
    interpolate(across, p, vectors, source, v);
    const auto [top, sum] = exponentiate(vectors, v);
    const float of_label = interpolated(across, p, vectors * kLanes, source + label);
    const float loss = (top[0] - of_label) + std::log(sum[0]);
    // Rounding can put a label's logit above the top.
    losses[p] = loss < 0 ? 0 : loss;
  }
}

void pixel_losses_row(const Interpolation& across,
                      std::int64_t classes,
                      const float* source,
                      const std::uint8_t* labels,
                      float* losses) {
  const std::int64_t count = (classes + kLanes - 1) / kLanes;
  switch (count) {
    case 1:
      return pixel_losses_row_of<1>(across, classes, count, source, labels, losses);
    case 2:
      return pixel_losses_row_of<2>(across, classes, count, source, labels, losses);
    case 3:
      return pixel_losses_row_of<3>(across, classes, count, source, labels, losses);
    default:
      return pixel_losses_row_of<0>(across, classes, count, source, labels, losses);
  }
}

template <int kCount>
void largest_class_row_of(const Interpolation& across,
                          std::int64_t count,
                          const float* source,
                          std::uint8_t* result) {
  constexpr int kMost = kCount > 0 ? kCount : 256 / kLanes;
  const std::int64_t vectors = kCount > 0 ? kCount : count;
  const std::int64_t width = vectors * kLanes;
  const IntVec lane = lane_numbers();
  for (std::int64_t p = 0; p < across.size; ++p) {
    Vec v[kMost];
    interpolate(across, p, vectors, source, v);
    Vec top = splat(kNoClass);
    for (std::int64_t i = 0; i < vectors; ++i) top = largest(top, v[i]);
    top = largest_lane(top);
    // The first of equals, counted in floats: they hold every class exactly.
    Vec last_first = splat(static_cast<float>(-width));
    for (std::int64_t i = vectors - 1; i >= 0; --i) {
      const Vec number = __builtin_convertvector(lane, Vec) + static_cast<float>(i * kLanes);
      last_first = largest(last_first, v[i] == top ? -number : splat(static_cast<float>(-width)));
    }
    result[p] = static_cast<std::uint8_t>(-largest_lane(last_first)[0]);
  }
}

void largest_class_row(const Interpolation& across,
                       std::int64_t classes,
                       const float* source,
                       std::uint8_t* result) {
  const std::int64_t count = (classes + kLanes - 1) / kLanes;
  switch (count) {
    case 1:
      return largest_class_row_of<1>(across, count, source, result);
    case 2:
      return largest_class_row_of<2>(across, count, source, result);
    case 3:
      return largest_class_row_of<3>(across, count, source, result);
    default:
      return largest_class_row_of<0>(across, count, source, result);
  }
}

}  // namespace
}  // namespace parsimony::network::simd
