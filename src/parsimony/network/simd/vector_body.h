// SPDX-License-Identifier: Apache-2.0
// The vector of the instruction set that a *_body.h file is compiled for.
#pragma once

namespace parsimony::network::simd {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float UnalignedVec __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

inline Vec load(const float* p) {
  return *reinterpret_cast<const UnalignedVec*>(p);
}
inline void store(float* p, Vec v) {
  *reinterpret_cast<UnalignedVec*>(p) = v;
}
inline Vec splat(float value) {
  return value - Vec{};
}

// Reading and writing a vector or, where the channels fill none, a single value.
inline void read(const float* from, Vec& value) {
  value = load(from);
}
inline void read(const float* from, float& value) {
  value = *from;
}
inline void write(float* to, Vec value) {
  store(to, value);
}
inline void write(float* to, float value) {
  *to = value;
}

}  // namespace
}  // namespace parsimony::network::simd
