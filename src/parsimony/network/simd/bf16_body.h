// SPDX-License-Identifier: Apache-2.0
// What the versions of Bf16Loops have in common, for processors with AVX-512 and its bf16
// conversions; each is a file that includes this one and adds its products. As in loops_body.cc,
// nothing may call a function that another file could define too.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "parsimony/network/simd/bf16_loops.h"

namespace parsimony::network::simd {
namespace {

constexpr std::int64_t kTileValues = 512;  // bf16 of a tile
constexpr int kMaxTiles = 3;               // columns of tiles that are summed side by side

std::int64_t tiles_of(std::int64_t size, std::int64_t tile) {
  return (size + tile - 1) / tile;
}
std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

__mmask16 lanes(std::int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : (1U << count) - 1U);
}

inline __m512 widened(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline __m512 load(const Bf16* from) {
  return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline __m512 load(const Bf16* from, __mmask16 which) {
  return widened(_mm256_maskz_loadu_epi16(which, from));
}
inline __m256i narrowed(__m512 value) {
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value));
}
inline void store(Bf16* to, __m512 value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), narrowed(value));
}
inline void store(Bf16* to, __m512 value, __mmask16 which) {
  _mm256_mask_storeu_epi16(to, which, narrowed(value));
}

// Calls body(first, lanes) for vectors of a run.
template <typename Body>
inline void vectors(std::int64_t size, Body body) {
  std::int64_t i = 0;
  for (; i + 16 <= size; i += 16) body(i, static_cast<__mmask16>(0xFFFF));
  if (i < size) body(i, lanes(size - i));
}

void widen(std::int64_t size, const Bf16* x, float* y) {
  vectors(size,
          [&](std::int64_t i, __mmask16 m) { _mm512_mask_storeu_ps(y + i, m, load(x + i, m)); });
}

void narrow(std::int64_t size, const float* x, Bf16* y) {
  vectors(size,
          [&](std::int64_t i, __mmask16 m) { store(y + i, _mm512_maskz_loadu_ps(m, x + i), m); });
}

void passed_by_relu(std::int64_t size, const Bf16* y_gradient, const Bf16* y, Bf16* gradient) {
  const __m512i zero = _mm512_setzero_si512();
  for (std::int64_t i = 0; i < size; i += 32) {
    const auto m = static_cast<__mmask32>(size - i >= 32 ? 0xFFFFFFFFU : (1U << (size - i)) - 1U);
    // Above zero as a float: above zero as an integer.
    const __mmask32 passed =
        _mm512_mask_cmpgt_epi16_mask(m, _mm512_maskz_loadu_epi16(m, y + i), zero);
    _mm512_mask_storeu_epi16(gradient + i, m, _mm512_maskz_loadu_epi16(passed, y_gradient + i));
  }
}

template <int kCount>
struct Count {
  static constexpr int kValue = kCount;
};

// Vectors of channels whose factors stay in registers while rows pass by; three suit widths of 24
// and 48, the spaces' own.
constexpr std::int64_t kVectors = 3;

// Calls block(first channel, Count of vectors) for the channels.
template <typename Block>
inline void channel_blocks(std::int64_t channels, Block block) {
  for (std::int64_t c = 0; c < channels; c += kVectors * 16) {
    const std::int64_t count = smaller(kVectors, tiles_of(channels - c, 16));
    if (count == 1) block(c, Count<1>{});
    if (count == 2) block(c, Count<2>{});
    if (count == 3) block(c, Count<3>{});
  }
}

// Calls body(row, channel, lanes, of_channel) for vectors of all rows; of_channel is what
// read(channel, lanes) gives, once for all rows.
template <typename Read, typename Body>
inline void rows_and_channels(std::int64_t rows, std::int64_t channels, Read read, Body body) {
  channel_blocks(channels, [&](std::int64_t first, auto count) {
    constexpr int kCount = decltype(count)::kValue;
    __mmask16 m[kCount];
    decltype(read(first, m[0])) of_channel[kCount];
    for (int v = 0; v < kCount; ++v) {
      m[v] = lanes(channels - first - v * 16);
      of_channel[v] = read(first + v * 16, m[v]);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 3
      for (int v = 0; v < kCount; ++v) body(r, first + v * 16, m[v], of_channel[v]);
    }
  });
}

// In this order of arguments NaN stays: a training that diverges has to show.
inline __m512 clamped(__m512 value, __m512 floor, __m512 ceiling) {
  return _mm512_min_ps(ceiling, _mm512_max_ps(floor, value));
}

// An activation on a vector of channels.
struct ActivationLanes {
  ActivationLanes() = default;
  ActivationLanes(const Bf16Activation& a, std::int64_t c, __mmask16 m)
      : scale(_mm512_maskz_loadu_ps(m, a.scale + c)),
        shift(_mm512_maskz_loadu_ps(m, a.shift + c)),
        floor(_mm512_set1_ps(a.floor)),
        ceiling(_mm512_set1_ps(a.ceiling)) {}

  __m512 of(__m512 x) const { return clamped(_mm512_fmadd_ps(x, scale, shift), floor, ceiling); }
  // The gradient where it passes the clamp, else zero.
  __m512 passed(__m512 g, __m512 x) const {
    const __m512 value = _mm512_fmadd_ps(x, scale, shift);
    const __mmask16 above = _mm512_cmp_ps_mask(value, floor, _CMP_GT_OQ);
    return _mm512_maskz_mov_ps(_mm512_mask_cmp_ps_mask(above, value, ceiling, _CMP_LT_OQ), g);
  }

  __m512 scale, shift, floor, ceiling;
};

void activate(std::int64_t rows,
              std::int64_t channels,
              const Bf16* x,
              const Bf16Activation& activation,
              float* y) {
  if (activation.scale == nullptr) return widen(rows * channels, x, y);
  const auto read = [&](std::int64_t c, __mmask16 m) { return ActivationLanes(activation, c, m); };
  rows_and_channels(
      rows,
      channels,
      read,
      [&](std::int64_t r, std::int64_t c, __mmask16 m, const ActivationLanes& of_channel) {
        const std::int64_t at = r * channels + c;
        _mm512_mask_storeu_ps(y + at, m, of_channel.of(load(x + at, m)));
      });
}

void activate_narrow(std::int64_t rows,
                     std::int64_t channels,
                     const Bf16* x,
                     const Bf16Activation& activation,
                     Bf16* y,
                     std::int64_t y_stride) {
  if (activation.scale == nullptr) {
    for (std::int64_t r = 0; r < rows; ++r) {
      vectors(channels, [&](std::int64_t c, __mmask16 m) {
        _mm256_mask_storeu_epi16(
            y + r * y_stride + c, m, _mm256_maskz_loadu_epi16(m, x + r * channels + c));
      });
    }
    return;
  }
  const auto read = [&](std::int64_t c, __mmask16 m) { return ActivationLanes(activation, c, m); };
  rows_and_channels(
      rows,
      channels,
      read,
      [&](std::int64_t r, std::int64_t c, __mmask16 m, const ActivationLanes& of_channel) {
        store(y + r * y_stride + c, of_channel.of(load(x + r * channels + c, m)), m);
      });
}

// Sums in float over runs of rows and in double across runs, as in loops_body.cc.
constexpr std::int64_t kRun = 64;

inline void add(double* sum, __m512 value, __mmask16 m) {
  const auto low = static_cast<__mmask8>(m);
  const auto high = static_cast<__mmask8>(m >> 8);
  const __m512d first = _mm512_cvtps_pd(_mm512_castps512_ps256(value));
  const __m512d second = _mm512_cvtps_pd(_mm512_extractf32x8_ps(value, 1));
  _mm512_mask_storeu_pd(sum, low, _mm512_add_pd(_mm512_maskz_loadu_pd(low, sum), first));
  _mm512_mask_storeu_pd(sum + 8, high, _mm512_add_pd(_mm512_maskz_loadu_pd(high, sum + 8), second));
}

// Like rows_and_channels, for a body that adds to two sums of its vector: body(row, channel, lanes,
// of_channel, sum, dot). They are added to `sum` and `dot` after every run of rows.
template <typename Read, typename Body>
inline void summed(
    std::int64_t rows, std::int64_t channels, double* sum, double* dot, Read read, Body body) {
  channel_blocks(channels, [&](std::int64_t first, auto count) {
    constexpr int kCount = decltype(count)::kValue;
    __mmask16 m[kCount];
    decltype(read(first, m[0])) of_channel[kCount];
    for (int v = 0; v < kCount; ++v) {
      m[v] = lanes(channels - first - v * 16);
      of_channel[v] = read(first + v * 16, m[v]);
    }
    for (std::int64_t r0 = 0; r0 < rows; r0 += kRun) {
      __m512 s[kCount];
      __m512 d[kCount];
      for (int v = 0; v < kCount; ++v) s[v] = d[v] = _mm512_setzero_ps();
      for (std::int64_t r = r0; r < smaller(rows, r0 + kRun); ++r) {
#pragma GCC unroll 3
        for (int v = 0; v < kCount; ++v) body(r, first + v * 16, m[v], of_channel[v], s[v], d[v]);
      }
      for (int v = 0; v < kCount; ++v) {
        add(sum + first + v * 16, s[v], m[v]);
        add(dot + first + v * 16, d[v], m[v]);
      }
    }
  });
}

struct Nothing {};

void moments(
    std::int64_t rows, std::int64_t channels, const Bf16* x, double* sum, double* square_sum) {
  summed(
      rows,
      channels,
      sum,
      square_sum,
      [](std::int64_t, __mmask16) { return Nothing{}; },
      [&](std::int64_t r, std::int64_t c, __mmask16 m, Nothing, __m512& s, __m512& d) {
        const __m512 value = load(x + r * channels + c, m);
        s = _mm512_add_ps(s, value);
        d = _mm512_fmadd_ps(value, value, d);
      });
}

void gradient_moments(std::int64_t rows,
                      std::int64_t channels,
                      const Bf16* y_gradient,
                      const Bf16* x,
                      const Bf16Activation& activation,
                      double* sum,
                      double* dot) {
  summed(
      rows,
      channels,
      sum,
      dot,
      [&](std::int64_t c, __mmask16 m) { return ActivationLanes(activation, c, m); },
      [&](std::int64_t r,
          std::int64_t c,
          __mmask16 m,
          const ActivationLanes& of_channel,
          __m512& s,
          __m512& d) {
        const std::int64_t at = r * channels + c;
        const __m512 value = load(x + at, m);
        const __m512 g = of_channel.passed(load(y_gradient + at, m), value);
        s = _mm512_add_ps(s, g);
        d = _mm512_fmadd_ps(g, value, d);
      });
}

void gradient_affine(std::int64_t rows,
                     std::int64_t channels,
                     const Bf16* y_gradient,
                     const Bf16* x,
                     const Bf16Activation& activation,
                     const float* a,
                     const float* b,
                     const float* c,
                     Bf16* x_gradient,
                     std::int64_t x_gradient_stride) {
  struct Factors {
    ActivationLanes activation;
    __m512 a, b, c;
  };
  const auto read = [&](std::int64_t i, __mmask16 m) {
    return Factors{ActivationLanes(activation, i, m),
                   _mm512_maskz_loadu_ps(m, a + i),
                   _mm512_maskz_loadu_ps(m, b + i),
                   _mm512_maskz_loadu_ps(m, c + i)};
  };
  rows_and_channels(
      rows,
      channels,
      read,
      [&](std::int64_t r, std::int64_t i, __mmask16 m, const Factors& of_channel) {
        const std::int64_t at = r * channels + i;
        const __m512 value = load(x + at, m);
        const __m512 g = of_channel.activation.passed(load(y_gradient + at, m), value);
        const __m512 rest = _mm512_fmadd_ps(value, of_channel.b, of_channel.c);
        store(x_gradient + r * x_gradient_stride + i, _mm512_fmadd_ps(g, of_channel.a, rest), m);
      });
}

// ---- products ----
// The second factor lies in tiles of 32x16 values, rows 2k and 2k+1 interleaved in row k of 64
// bytes. What is missing to full tiles is zero.

std::int64_t packed_size(std::int64_t runs, std::int64_t inner, std::int64_t columns) {
  return runs * tiles_of(inner, kBf16Inner) * tiles_of(columns, kBf16Columns) * kTileValues;
}

// Columns of tiles are worked on in blocks of about equal size, up to kMaxTiles: calls
// block(first tile, Count of tiles) for each.
template <typename Block>
inline void column_blocks(std::int64_t tiles, Block block) {
  const std::int64_t blocks = tiles_of(tiles, kMaxTiles);
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t first = tiles * i / blocks;
    const std::int64_t count = tiles * (i + 1) / blocks - first;
    if (count == 1) block(first, Count<1>{});
    if (count == 2) block(first, Count<2>{});
    if (count == 3) block(first, Count<3>{});
  }
}

// A matrix is its blocks of tile columns, each its tiles in the order in which they are read.
void pack(const Bf16Factors& factors,
          std::int64_t run,
          const float* b,
          std::int64_t row_stride,
          std::int64_t column_stride,
          Bf16* packed) {
  const std::int64_t steps = tiles_of(factors.inner, kBf16Inner);
  const std::int64_t tiles = tiles_of(factors.columns, kBf16Columns);
  Bf16* out = packed + run * steps * tiles * kTileValues;
  column_blocks(tiles, [&](std::int64_t first, auto count) {
    const std::int64_t last = first + decltype(count)::kValue;
    for (std::int64_t step = 0; step < steps; ++step) {
      for (std::int64_t tile = first; tile < last; ++tile) {
        for (std::int64_t k = 0; k < 16; ++k) {
          alignas(64) float row[32];
          for (std::int64_t i = 0; i < 32; ++i) {
            const std::int64_t in = step * kBf16Inner + 2 * k + i % 2;
            const std::int64_t column = tile * kBf16Columns + i / 2;
            row[i] = in < factors.inner && column < factors.columns
                         ? b[in * row_stride + column * column_stride]
                         : 0.0F;
          }
          narrow(32, row, out);
          out += 32;
        }
      }
    }
  });
}

constexpr std::int64_t kSumsRow = kMaxTiles * kBf16Columns;

// A block of columns from the first cache to where it goes.
template <int kColumnTiles>
inline void finish(const float* sums,
                   std::int64_t rows,
                   std::int64_t first,
                   std::int64_t columns,
                   const Bf16Result& result) {
  __mmask16 m[kColumnTiles];
  __m512 start[kColumnTiles];
  __m512 sum[kColumnTiles];
  __m512 square_sum[kColumnTiles];
#pragma GCC unroll 3
  for (int t = 0; t < kColumnTiles; ++t) {
    m[t] = lanes(columns - first - t * 16);
    start[t] = result.start != nullptr ? _mm512_maskz_loadu_ps(m[t], result.start + first + t * 16)
                                       : _mm512_setzero_ps();
    sum[t] = square_sum[t] = _mm512_setzero_ps();
  }
  const __m512 floor = _mm512_set1_ps(result.floor);
  const __m512 ceiling = _mm512_set1_ps(result.ceiling);
  const auto value_of = [&](std::int64_t r, int t) {
    const __m512 value = _mm512_add_ps(_mm512_load_ps(sums + r * kSumsRow + t * 16), start[t]);
    return clamped(value, floor, ceiling);
  };
  if (result.wide != nullptr) {
    for (std::int64_t r = 0; r < rows; ++r) {
      float* to = result.wide[r];
      if (to == nullptr) continue;
#pragma GCC unroll 3
      for (int t = 0; t < kColumnTiles; ++t)
        _mm512_mask_storeu_ps(to + first + t * 16, m[t], value_of(r, t));
    }
    return;
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    Bf16* to = result.narrow[r];
    if (to == nullptr) continue;
#pragma GCC unroll 3
    for (int t = 0; t < kColumnTiles; ++t) {
      const __m256i value = narrowed(value_of(r, t));
      _mm256_mask_storeu_epi16(to + first + t * 16, m[t], value);
      const __m512 kept = widened(value);
      sum[t] = _mm512_add_ps(sum[t], kept);
      square_sum[t] = _mm512_fmadd_ps(kept, kept, square_sum[t]);
    }
  }
  if (result.sum == nullptr) return;
#pragma GCC unroll 3
  for (int t = 0; t < kColumnTiles; ++t) {
    add(result.sum + first + t * 16, sum[t], m[t]);
    add(result.square_sum + first + t * 16, square_sum[t], m[t]);
  }
}

// 16 pairs of neighbouring positions, a channel in each lane.
inline __m512i pair(const Bf16* x, std::int64_t stride) {
  const __m512i first =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  const __m512i second =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + stride)));
  return _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
}

void interleave(
    std::int64_t positions, std::int64_t columns, const Bf16* x, std::int64_t stride, Bf16* pairs) {
  for (std::int64_t k = 0; k < positions / 2; ++k) {
    for (std::int64_t c = 0; c < columns; c += 16)
      _mm512_store_si512(pairs + 2 * (k * columns + c), pair(x + 2 * k * stride + c, stride));
  }
}

void transpose(std::int64_t positions,
               std::int64_t columns,
               const Bf16* x,
               std::int64_t stride,
               Bf16* t,
               std::int64_t t_stride) {
  for (std::int64_t p = 0; p < positions; p += 32) {
    for (std::int64_t c = 0; c < columns; c += 16) {
      // A 16x16 matrix of pairs, transposed in four rounds of exchanges.
      __m512i rows[16];
      __m512i next[16];
#pragma GCC unroll 16
      for (int k = 0; k < 16; ++k) rows[k] = pair(x + (p + 2 * k) * stride + c, stride);
#pragma GCC unroll 8
      for (int k = 0; k < 16; k += 2) {
        next[k] = _mm512_unpacklo_epi32(rows[k], rows[k + 1]);
        next[k + 1] = _mm512_unpackhi_epi32(rows[k], rows[k + 1]);
      }
#pragma GCC unroll 4
      for (int k = 0; k < 16; k += 4) {
        rows[k] = _mm512_unpacklo_epi64(next[k], next[k + 2]);
        rows[k + 1] = _mm512_unpackhi_epi64(next[k], next[k + 2]);
        rows[k + 2] = _mm512_unpacklo_epi64(next[k + 1], next[k + 3]);
        rows[k + 3] = _mm512_unpackhi_epi64(next[k + 1], next[k + 3]);
      }
      // rows[4 g + j] holds, in its quarter q, channel 4 q + j of the pairs 4 g to 4 g + 3.
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        next[j] = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0x88);
        next[4 + j] = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0xDD);
        next[8 + j] = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0x88);
        next[12 + j] = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0xDD);
      }
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        Bf16* out = t + (c + j) * t_stride + p;
        _mm512_storeu_si512(out, _mm512_shuffle_i32x4(next[j], next[8 + j], 0x88));
        _mm512_storeu_si512(out + 4 * t_stride,
                            _mm512_shuffle_i32x4(next[4 + j], next[12 + j], 0x88));
        _mm512_storeu_si512(out + 8 * t_stride, _mm512_shuffle_i32x4(next[j], next[8 + j], 0xDD));
        _mm512_storeu_si512(out + 12 * t_stride,
                            _mm512_shuffle_i32x4(next[4 + j], next[12 + j], 0xDD));
      }
    }
  }
}

constexpr Bf16Loops loops_with(decltype(Bf16Loops::begin_tiles) begin_tiles,
                               decltype(Bf16Loops::end_tiles) end_tiles,
                               decltype(Bf16Loops::multiply) multiply,
                               decltype(Bf16Loops::multiply_transposed) multiply_transposed) {
  return {.widen = widen,
          .narrow = narrow,
          .passed_by_relu = passed_by_relu,
          .activate = activate,
          .activate_narrow = activate_narrow,
          .moments = moments,
          .gradient_moments = gradient_moments,
          .gradient_affine = gradient_affine,
          .begin_tiles = begin_tiles,
          .end_tiles = end_tiles,
          .packed_size = packed_size,
          .pack = pack,
          .multiply = multiply,
          .interleave = interleave,
          .transpose = transpose,
          .multiply_transposed = multiply_transposed};
}

}  // namespace
}  // namespace parsimony::network::simd
