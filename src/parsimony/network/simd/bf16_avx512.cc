// SPDX-License-Identifier: Apache-2.0
// Bf16Loops for processors with AVX-512's bf16 products and no tiles: AMD's since Zen 4, Intel's
// Cooper Lake. VDPBF16PS adds to each of 16 floats the products of its two pairs of bf16 values,
// one pair of the first factor for all 16 lanes: twice the multiplications of an fp32 instruction.
#include <cstring>

#include "parsimony/network/simd/bf16_body.h"

namespace parsimony::network::simd {
namespace {

void begin_tiles() {}
void end_tiles() {}

// Rows whose sums are in registers; with three tiles of columns, 24 of the 32 registers.
constexpr std::int64_t kRows = 8;
static_assert(kBf16Rows % kRows == 0 && kBf16Columns % kRows == 0);

inline __m512bh pairs_of(__m512i bits) {
  return reinterpret_cast<__m512bh>(bits);
}
inline __m512bh load_pairs(const Bf16* from) {
  return pairs_of(_mm512_loadu_si512(from));
}
inline __m512bh same_pair(const Bf16* from) {
  std::int32_t bits = 0;
  std::memcpy(&bits, from, sizeof bits);
  return pairs_of(_mm512_set1_epi32(bits));
}

// sums += kRows rows of a, `stride` apart, times b: `count` rows of pairs, `b_row` values apart, in
// tiles of columns, `b_tile` values apart.
template <int kColumnTiles>
inline void add_products(__m512 (&sums)[kRows][kColumnTiles],
                         std::int64_t count,
                         const Bf16* a,
                         std::int64_t stride,
                         const Bf16* b,
                         std::int64_t b_row,
                         std::int64_t b_tile) {
  for (std::int64_t k = 0; k < count; ++k) {
    __m512bh of_columns[kColumnTiles];
#pragma GCC unroll 3
    for (int t = 0; t < kColumnTiles; ++t) of_columns[t] = load_pairs(b + k * b_row + t * b_tile);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512bh of_row = same_pair(a + r * stride + 2 * k);
#pragma GCC unroll 3
      for (int t = 0; t < kColumnTiles; ++t)
        sums[r][t] = _mm512_dpbf16_ps(sums[r][t], of_row, of_columns[t]);
    }
  }
}

template <int kColumnTiles>
void multiply_block(const Bf16Factors& factors,
                    std::int64_t rows,
                    const Bf16Run* runs,
                    std::int64_t run_count,
                    std::int64_t stride,
                    std::int64_t first_tile,
                    const Bf16Result& result) {
  constexpr std::int64_t kPairs = kBf16Inner / 2;
  const std::int64_t steps = tiles_of(factors.inner, kBf16Inner);
  const std::int64_t tiles = tiles_of(factors.columns, kBf16Columns);
  const std::int64_t pairs = tiles_of(factors.inner, 2);
  alignas(64) float products[kBf16Rows * kSumsRow];
  for (std::int64_t r0 = 0; r0 < rows; r0 += kRows) {
    __m512 sums[kRows][kColumnTiles];
    for (auto& row : sums)
      for (__m512& sum : row) sum = _mm512_setzero_ps();
    for (std::int64_t i = 0; i < run_count; ++i) {
      const Bf16* a = runs[i].rows + r0 * stride;
      const Bf16* b = factors.packed + (runs[i].matrix * tiles + first_tile) * steps * kTileValues;
      for (std::int64_t step = 0; step < steps; ++step) {
        add_products<kColumnTiles>(sums,
                                   smaller(kPairs, pairs - step * kPairs),
                                   a + step * kBf16Inner,
                                   stride,
                                   b + step * kColumnTiles * kTileValues,
                                   kBf16Inner,
                                   kTileValues);
      }
    }
    for (std::int64_t r = 0; r < kRows; ++r) {
      for (int t = 0; t < kColumnTiles; ++t)
        _mm512_store_ps(products + (r0 + r) * kSumsRow + t * 16, sums[r][t]);
    }
  }
  finish<kColumnTiles>(products, rows, first_tile * kBf16Columns, factors.columns, result);
}

void multiply(const Bf16Factors& factors,
              std::int64_t rows,
              const Bf16Run* runs,
              std::int64_t run_count,
              std::int64_t stride,
              const Bf16Result& result) {
  column_blocks(tiles_of(factors.columns, kBf16Columns), [&](std::int64_t first, auto count) {
    multiply_block<decltype(count)::kValue>(factors, rows, runs, run_count, stride, first, result);
  });
}

void multiply_transposed(std::int64_t positions,
                         std::int64_t rows,
                         std::int64_t columns,
                         const Bf16* t,
                         std::int64_t t_stride,
                         const Bf16* pairs,
                         float* c,
                         std::int64_t c_stride) {
  column_blocks(columns / kBf16Columns, [&](std::int64_t first, auto count) {
    constexpr int kCount = decltype(count)::kValue;
    for (std::int64_t m = 0; m < rows; m += kRows) {
      float* to = c + m * c_stride + first * kBf16Columns;
      __m512 sums[kRows][kCount];
      for (std::int64_t r = 0; r < kRows; ++r) {
        for (int i = 0; i < kCount; ++i) sums[r][i] = _mm512_loadu_ps(to + r * c_stride + i * 16);
      }
      add_products<kCount>(sums,
                           positions / 2,
                           t + m * t_stride,
                           t_stride,
                           pairs + 2 * first * kBf16Columns,
                           2 * columns,
                           2 * kBf16Columns);
      for (std::int64_t r = 0; r < kRows; ++r) {
        for (int i = 0; i < kCount; ++i) _mm512_storeu_ps(to + r * c_stride + i * 16, sums[r][i]);
      }
    }
  });
}

}  // namespace

extern const Bf16Loops kBf16Loops_avx512;
const Bf16Loops kBf16Loops_avx512 =
    loops_with(begin_tiles, end_tiles, multiply, multiply_transposed);

}  // namespace parsimony::network::simd
