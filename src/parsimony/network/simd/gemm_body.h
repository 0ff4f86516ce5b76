// SPDX-License-Identifier: Apache-2.0
// Matrix products with a register tile, part of loops_body.cc and compiled once per instruction
// set.
#pragma once

#include <algorithm>
#include <cstdint>

#include "parsimony/network/simd/vector_body.h"

namespace parsimony::network::simd {
namespace {

// A tile keeps kRows x kVectors accumulators in registers, plus kVectors of b and one of a: 16
// registers on AVX2, 32 on AVX-512. Three vectors suit widths of 24 and 48, the spaces' own.
constexpr int kMaxVectors = 3;
template <int kVectors>
constexpr int kTileRows = kLanes == 16 ? (kVectors == 3 ? 8 : 12)
                                       : (kVectors == 3   ? 4
                                          : kVectors == 2 ? 6
                                                          : 8);

// How many rows of a and c stay in the first-level cache while the blocks of b pass by.
constexpr std::int64_t kRowBlock = 64;
// How many of b's rows (times one block's columns) stay there while the rows pass by.
constexpr std::int64_t kInnerBlock = 256;

// b, [inner, columns], is packed as blocks of up to kMaxVectors vectors of columns, [inner, block]
// each, zeros behind the last column.
std::int64_t packed_size(std::int64_t inner, std::int64_t columns) {
  return inner * ((columns + kLanes - 1) / kLanes) * kLanes;
}

// Calls body(first column, vectors, offset of the block in units of `inner`).
template <typename Body>
void column_blocks(std::int64_t columns, Body body) {
  const std::int64_t vectors = (columns + kLanes - 1) / kLanes;
  for (std::int64_t v = 0; v < vectors; v += kMaxVectors) {
    body(v * kLanes, std::min<std::int64_t>(kMaxVectors, vectors - v));
  }
}

void pack(std::int64_t inner,
          std::int64_t columns,
          const float* b,
          std::int64_t row_stride,
          std::int64_t column_stride,
          float* packed) {
  column_blocks(columns, [&](std::int64_t first, std::int64_t vectors) {
    const std::int64_t width = vectors * kLanes;
    float* out = packed + first * inner;
    for (std::int64_t k = 0; k < inner; ++k) {
      for (std::int64_t j = 0; j < width; ++j) {
        out[k * width + j] =
            first + j < columns ? b[k * row_stride + (first + j) * column_stride] : 0.0F;
      }
    }
  });
}

template <int kRows, int kVectors>
inline void tile(std::int64_t inner,
                 const float* __restrict a,
                 std::int64_t a_stride,
                 const float* __restrict b,
                 float* __restrict c,
                 std::int64_t c_stride,
                 std::int64_t columns,
                 bool accumulate) {
  Vec sum[kRows][kVectors];
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kVectors; ++v) sum[m][v] = Vec{};
  }
  for (std::int64_t k = 0; k < inner; ++k) {
    Vec row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + (k * kVectors + v) * kLanes);
    for (int m = 0; m < kRows; ++m) {
      const Vec factor = splat(a[m * a_stride + k]);
      for (int v = 0; v < kVectors; ++v) sum[m][v] += factor * row[v];
    }
  }
  // Unrolled in full, or else the sums would leave their registers.
  if (columns >= kVectors * kLanes) {
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      float* out = c + m * c_stride;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        store(out + v * kLanes, accumulate ? load(out + v * kLanes) + sum[m][v] : sum[m][v]);
      }
    }
    return;
  }
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m) {
    float last[kVectors * kLanes];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(last + v * kLanes, sum[m][v]);
    float* out = c + m * c_stride;
    for (std::int64_t j = 0; j < columns; ++j) out[j] = accumulate ? out[j] + last[j] : last[j];
  }
}

// The rows that are left over below a full tile.
template <int kRows, int kVectors>
void last_rows(std::int64_t rows,
               std::int64_t inner,
               const float* a,
               std::int64_t a_stride,
               const float* b,
               float* c,
               std::int64_t c_stride,
               std::int64_t columns,
               bool accumulate) {
  if constexpr (kRows > 0) {
    if (rows == kRows)
      return tile<kRows, kVectors>(inner, a, a_stride, b, c, c_stride, columns, accumulate);
    last_rows<kRows - 1, kVectors>(rows, inner, a, a_stride, b, c, c_stride, columns, accumulate);
  }
}

template <int kVectors>
void tiles_of_rows(std::int64_t rows,
                   std::int64_t inner,
                   const float* a,
                   std::int64_t a_stride,
                   const float* b,
                   float* c,
                   std::int64_t c_stride,
                   std::int64_t columns,
                   bool accumulate) {
  constexpr int kRows = kTileRows<kVectors>;
  std::int64_t m = 0;
  for (; m + kRows <= rows; m += kRows) {
    tile<kRows, kVectors>(
        inner, a + m * a_stride, a_stride, b, c + m * c_stride, c_stride, columns, accumulate);
  }
  last_rows<kRows - 1, kVectors>(rows - m,
                                 inner,
                                 a + m * a_stride,
                                 a_stride,
                                 b,
                                 c + m * c_stride,
                                 c_stride,
                                 columns,
                                 accumulate);
}

void gemm(std::int64_t rows,
          std::int64_t inner,
          std::int64_t columns,
          const float* a,
          std::int64_t a_stride,
          const float* packed_b,
          float* c,
          std::int64_t c_stride,
          bool accumulate) {
  for (std::int64_t r = 0; r < rows; r += kRowBlock) {
    const std::int64_t m = std::min(kRowBlock, rows - r);
    column_blocks(columns, [&](std::int64_t first, std::int64_t vectors) {
      for (std::int64_t k = 0; k < inner; k += kInnerBlock) {
        const auto run = [&](auto tiles) {
          tiles(m,
                std::min(kInnerBlock, inner - k),
                a + r * a_stride + k,
                a_stride,
                packed_b + first * inner + k * vectors * kLanes,
                c + r * c_stride + first,
                c_stride,
                columns - first,
                accumulate || k > 0);
        };
        if (vectors == 3) run(tiles_of_rows<3>);
        if (vectors == 2) run(tiles_of_rows<2>);
        if (vectors == 1) run(tiles_of_rows<1>);
      }
    });
  }
}

// c[kRows, kVectors * kLanes] += a[rows, kRows]^T b[rows, kVectors * kLanes].
template <int kRows, int kVectors>
inline void transposed_tile(std::int64_t rows,
                            const float* __restrict a,
                            std::int64_t a_stride,
                            const float* __restrict b,
                            std::int64_t b_stride,
                            float* __restrict c,
                            std::int64_t c_stride) {
  Vec sum[kRows][kVectors];
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kVectors; ++v) sum[m][v] = Vec{};
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    Vec row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + r * b_stride + v * kLanes);
    for (int m = 0; m < kRows; ++m) {
      const Vec factor = splat(a[r * a_stride + m]);
      for (int v = 0; v < kVectors; ++v) sum[m][v] += factor * row[v];
    }
  }
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kVectors; ++v) {
      float* out = c + m * c_stride + v * kLanes;
      store(out, load(out) + sum[m][v]);
    }
  }
}

template <int kRows, int kVectors>
void last_transposed(std::int64_t left,
                     std::int64_t rows,
                     const float* a,
                     std::int64_t a_stride,
                     const float* b,
                     std::int64_t b_stride,
                     float* c,
                     std::int64_t c_stride) {
  if constexpr (kRows > 0) {
    if (left == kRows)
      return transposed_tile<kRows, kVectors>(rows, a, a_stride, b, b_stride, c, c_stride);
    last_transposed<kRows - 1, kVectors>(left, rows, a, a_stride, b, b_stride, c, c_stride);
  }
}

template <int kVectors>
void transposed_tiles(std::int64_t rows,
                      std::int64_t a_columns,
                      const float* a,
                      std::int64_t a_stride,
                      const float* b,
                      std::int64_t b_stride,
                      float* c,
                      std::int64_t c_stride) {
  constexpr int kRows = kTileRows<kVectors>;
  std::int64_t m = 0;
  for (; m + kRows <= a_columns; m += kRows) {
    transposed_tile<kRows, kVectors>(
        rows, a + m, a_stride, b, b_stride, c + m * c_stride, c_stride);
  }
  last_transposed<kRows - 1, kVectors>(
      a_columns - m, rows, a + m, a_stride, b, b_stride, c + m * c_stride, c_stride);
}

void gemm_transposed(std::int64_t rows,
                     std::int64_t a_columns,
                     std::int64_t b_columns,
                     const float* a,
                     std::int64_t a_stride,
                     const float* b,
                     std::int64_t b_stride,
                     float* c,
                     std::int64_t c_stride) {
  for (std::int64_t r = 0; r < rows; r += kRowBlock) {
    const std::int64_t m = std::min(kRowBlock, rows - r);
    column_blocks(b_columns, [&](std::int64_t first, std::int64_t vectors) {
      const auto run = [&](auto tiles) {
        tiles(m,
              a_columns,
              a + r * a_stride,
              a_stride,
              b + r * b_stride + first,
              b_stride,
              c + first,
              c_stride);
      };
      if (vectors == 3) run(transposed_tiles<3>);
      if (vectors == 2) run(transposed_tiles<2>);
      if (vectors == 1) run(transposed_tiles<1>);
    });
  }
}

}  // namespace
}  // namespace parsimony::network::simd
