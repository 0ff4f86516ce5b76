// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/kernels.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

// The thread sanitizer's run time is not ready when the loader resolves clones.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
#define PARSIMONY_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PARSIMONY_CLONES
#endif
#define PARSIMONY_INLINE inline __attribute__((always_inline))

namespace parsimony::search {
namespace {

// Four rows at a time: y is read and written once for four multiply-adds.
template <typename Real>
PARSIMONY_INLINE void add_weighted_rows_body(const Real* x,
                                             int x_stride,
                                             const Real* __restrict m,
                                             int rows,
                                             int columns,
                                             Real* __restrict y) {
  int r = 0;
  for (; r + 4 <= rows; r += 4, m += 4 * columns, x += 4 * x_stride) {
    const Real x0 = x[0], x1 = x[x_stride], x2 = x[2 * x_stride], x3 = x[3 * x_stride];
    const Real *m0 = m, *m1 = m + columns, *m2 = m + 2 * columns, *m3 = m + 3 * columns;
    for (int c = 0; c < columns; ++c) {
      y[c] += (x0 * m0[c] + x1 * m1[c]) + (x2 * m2[c] + x3 * m3[c]);
    }
  }
  for (; r < rows; ++r, m += columns, x += x_stride) {
    const Real x0 = *x;
    for (int c = 0; c < columns; ++c) y[c] += x0 * m[c];
  }
}

// A sum over c vectorises only if its order is fixed by hand: eight interleaved partial sums,
// twice.
template <typename Real>
PARSIMONY_INLINE void multiply_rows_body(
    const Real* m, int rows, int columns, const Real* x, Real* y) {
  constexpr int kLanes = 32 / sizeof(Real);
  typedef Real Lanes __attribute__((vector_size(32)));
  for (int r = 0; r < rows; ++r, m += columns) {
    Lanes even = {}, odd = {}, a, b;
    int c = 0;
    for (; c + 2 * kLanes <= columns; c += 2 * kLanes) {
      std::memcpy(&a, m + c, sizeof a);
      std::memcpy(&b, x + c, sizeof b);
      even += a * b;
      std::memcpy(&a, m + c + kLanes, sizeof a);
      std::memcpy(&b, x + c + kLanes, sizeof b);
      odd += a * b;
    }
    even += odd;
    Real sum = 0;
    for (int lane = 0; lane < kLanes; ++lane) sum += even[lane];
    for (; c < columns; ++c) sum += m[c] * x[c];
    y[r] = sum;
  }
}

// exp for |x| <= 87 to one unit in the last place: x = n ln 2 + rest, the power series of the rest,
// and n put into the exponent bits. Branch-free, so it vectorises, and free of libm, whose last bit
// depends on the machine.
PARSIMONY_INLINE float exponential(float x) {
  constexpr float kShift =
      12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  x = x < -87.0F ? -87.0F : x;
  x = x > 87.0F ? 87.0F : x;
  const float shifted = x * 1.44269504F + kShift;
  const float n = shifted - kShift;
  const float rest = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts
  float series = 1.0F / 5040;
  series = series * rest + 1.0F / 720;
  series = series * rest + 1.0F / 120;
  series = series * rest + 1.0F / 24;
  series = series * rest + 1.0F / 6;
  series = series * rest + 0.5F;
  series = series * rest + 1.0F;
  series = series * rest + 1.0F;
  return series * std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) + 127U) << 23);
}

}  // namespace

PARSIMONY_CLONES void add_weighted_rows(
    const float* x, int x_stride, const float* m, int rows, int columns, float* y) {
  add_weighted_rows_body(x, x_stride, m, rows, columns, y);
}

void add_weighted_rows(
    const double* x, int x_stride, const double* m, int rows, int columns, double* y) {
  add_weighted_rows_body(x, x_stride, m, rows, columns, y);
}

PARSIMONY_CLONES void multiply_rows(
    const float* m, int rows, int columns, const float* x, float* y) {
  multiply_rows_body(m, rows, columns, x, y);
}

void multiply_rows(const double* m, int rows, int columns, const double* x, double* y) {
  multiply_rows_body(m, rows, columns, x, y);
}

PARSIMONY_CLONES void sigmoid_in_place(float* values, int count) {
  for (int i = 0; i < count; ++i) values[i] = 1.0F / (1.0F + exponential(-values[i]));
}

void sigmoid_in_place(double* values, int count) {
  for (int i = 0; i < count; ++i) values[i] = 1.0 / (1.0 + std::exp(-values[i]));
}

PARSIMONY_CLONES void tanh_in_place(float* values, int count) {
  for (int i = 0; i < count; ++i) values[i] = 2.0F / (1.0F + exponential(-2.0F * values[i])) - 1.0F;
}

void tanh_in_place(double* values, int count) {
  for (int i = 0; i < count; ++i) values[i] = std::tanh(values[i]);
}

PARSIMONY_CLONES void adam_step(const AdamStep& step,
                                const float* gradient,
                                long count,
                                float* __restrict parameters,
                                float* __restrict first_moment,
                                float* __restrict second_moment) {
  // Moments decay through many steps without gradient. Far below epsilon they cannot move a
  // parameter any more, but as denormal numbers they would make every later step many times slower.
  constexpr float kNothing = 1e-30F;
  const AdamStep s = step;
  const auto move = [&](long i, float m, float v) __attribute__((always_inline)) {
    m = std::fabs(m) < kNothing ? 0.0F : m;
    v = v < kNothing ? 0.0F : v;
    first_moment[i] = m;
    second_moment[i] = v;
    parameters[i] += s.rate * m / (std::sqrt(v) * s.root_scale + s.epsilon);
  };
  if (gradient == nullptr) {
    for (long i = 0; i < count; ++i) move(i, s.beta1 * first_moment[i], s.beta2 * second_moment[i]);
    return;
  }
  for (long i = 0; i < count; ++i) {
    const float g = gradient[i] * s.scale;
    move(i,
         s.beta1 * first_moment[i] + (1.0F - s.beta1) * g,
         s.beta2 * second_moment[i] + (1.0F - s.beta2) * (g * g));
  }
}

}  // namespace parsimony::search
