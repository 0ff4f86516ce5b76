// SPDX-License-Identifier: Apache-2.0
// Bf16Loops for processors with AMX tiles.
// Tiles (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18, and
// TDPBF16PS in volume 2): a tile is 16 rows of 64 bytes. TDPBF16PS adds to 16x16 floats the product
// of a tile of 16x32 bf16 and one of 32x16, whose rows 2k and 2k+1 lie interleaved in row k. Every
// tile here is full, so one configuration serves all.
#include "parsimony/network/simd/bf16_body.h"
#ifdef PARSIMONY_EMULATED_TILES
#include "parsimony/network/simd/emulated_tiles.h"
#endif

namespace parsimony::network::simd {
namespace {

constexpr std::int64_t kTileRow = 64;  // bytes

struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);
constexpr TileConfiguration kTiles;

void begin_tiles() {
  _tile_loadconfig(&kTiles);
}
void end_tiles() {
  _tile_release();
}

// Tiles 0 to 5 hold sums: kRowTiles rows of kColumnTiles; 6 and 7 factors. Going through the
// columns to and fro, the second row of tiles starts with the factor that the first has left.
template <int kRowTiles, int kColumnTiles>
inline void tile_step(const Bf16* a, std::int64_t a_bytes, const Bf16* b) {
  _tile_loadd(6, a, a_bytes);
  _tile_loadd(7, b, kTileRow);
  _tile_dpbf16ps(0, 6, 7);
  if constexpr (kColumnTiles > 1) {
    _tile_loadd(7, b + kTileValues, kTileRow);
    _tile_dpbf16ps(1, 6, 7);
  }
  if constexpr (kColumnTiles > 2) {
    _tile_loadd(7, b + 2 * kTileValues, kTileRow);
    _tile_dpbf16ps(2, 6, 7);
  }
  if constexpr (kRowTiles > 1) {
    _tile_loadd(6, reinterpret_cast<const char*>(a) + 16 * a_bytes, a_bytes);
    if constexpr (kColumnTiles > 2) {
      _tile_dpbf16ps(5, 6, 7);
      _tile_loadd(7, b + kTileValues, kTileRow);
    }
    if constexpr (kColumnTiles > 1) {
      _tile_dpbf16ps(4, 6, 7);
      _tile_loadd(7, b, kTileRow);
    }
    _tile_dpbf16ps(3, 6, 7);
  }
}

template <int kRowTiles, int kColumnTiles>
inline void zero_tiles() {
  _tile_zero(0);
  if constexpr (kColumnTiles > 1) _tile_zero(1);
  if constexpr (kColumnTiles > 2) _tile_zero(2);
  if constexpr (kRowTiles > 1) {
    _tile_zero(3);
    if constexpr (kColumnTiles > 1) _tile_zero(4);
    if constexpr (kColumnTiles > 2) _tile_zero(5);
  }
}

// To floats [16 kRowTiles, ...], rows `bytes` apart.
template <int kRowTiles, int kColumnTiles>
inline void store_tiles(float* c, std::int64_t bytes) {
  _tile_stored(0, c, bytes);
  if constexpr (kColumnTiles > 1) _tile_stored(1, c + 16, bytes);
  if constexpr (kColumnTiles > 2) _tile_stored(2, c + 32, bytes);
  if constexpr (kRowTiles > 1) {
    float* lower = reinterpret_cast<float*>(reinterpret_cast<char*>(c) + 16 * bytes);
    _tile_stored(3, lower, bytes);
    if constexpr (kColumnTiles > 1) _tile_stored(4, lower + 16, bytes);
    if constexpr (kColumnTiles > 2) _tile_stored(5, lower + 32, bytes);
  }
}

template <int kRowTiles, int kColumnTiles>
inline void load_tiles(const float* c, std::int64_t bytes) {
  _tile_loadd(0, c, bytes);
  if constexpr (kColumnTiles > 1) _tile_loadd(1, c + 16, bytes);
  if constexpr (kColumnTiles > 2) _tile_loadd(2, c + 32, bytes);
  if constexpr (kRowTiles > 1) {
    const float* lower =
        reinterpret_cast<const float*>(reinterpret_cast<const char*>(c) + 16 * bytes);
    _tile_loadd(3, lower, bytes);
    if constexpr (kColumnTiles > 1) _tile_loadd(4, lower + 16, bytes);
    if constexpr (kColumnTiles > 2) _tile_loadd(5, lower + 32, bytes);
  }
}

template <int kRowTiles, int kColumnTiles>
void multiply_block(const Bf16Factors& factors,
                    std::int64_t rows,
                    const Bf16Run* runs,
                    std::int64_t run_count,
                    std::int64_t stride,
                    std::int64_t first_tile,
                    const Bf16Result& result) {
  const std::int64_t steps = tiles_of(factors.inner, kBf16Inner);
  const std::int64_t tiles = tiles_of(factors.columns, kBf16Columns);
  const std::int64_t bytes = stride * 2;
  zero_tiles<kRowTiles, kColumnTiles>();
  for (std::int64_t i = 0; i < run_count; ++i) {
    const Bf16* a = runs[i].rows;
    const Bf16* b = factors.packed + (runs[i].matrix * tiles + first_tile) * steps * kTileValues;
    for (std::int64_t step = 0; step < steps; ++step) {
      tile_step<kRowTiles, kColumnTiles>(
          a + step * kBf16Inner, bytes, b + step * kColumnTiles * kTileValues);
    }
  }
  alignas(64) float sums[kRowTiles * 16 * kSumsRow];
  store_tiles<kRowTiles, kColumnTiles>(sums, kSumsRow * 4);
  finish<kColumnTiles>(sums, rows, first_tile * kBf16Columns, factors.columns, result);
}

void multiply(const Bf16Factors& factors,
              std::int64_t rows,
              const Bf16Run* runs,
              std::int64_t run_count,
              std::int64_t stride,
              const Bf16Result& result) {
  column_blocks(tiles_of(factors.columns, kBf16Columns), [&](std::int64_t first, auto count) {
    constexpr int kCount = decltype(count)::kValue;
    if (rows > 16) {
      multiply_block<2, kCount>(factors, rows, runs, run_count, stride, first, result);
    } else {
      multiply_block<1, kCount>(factors, rows, runs, run_count, stride, first, result);
    }
  });
}

// As tile_step, with factors [columns] of pairs whose rows lie apart.
template <int kRowTiles, int kColumnTiles>
inline void transposed_step(const Bf16* t,
                            std::int64_t t_bytes,
                            const Bf16* b,
                            std::int64_t bytes) {
  _tile_loadd(6, t, t_bytes);
  _tile_loadd(7, b, bytes);
  _tile_dpbf16ps(0, 6, 7);
  if constexpr (kColumnTiles > 1) {
    _tile_loadd(7, b + 32, bytes);
    _tile_dpbf16ps(1, 6, 7);
  }
  if constexpr (kColumnTiles > 2) {
    _tile_loadd(7, b + 64, bytes);
    _tile_dpbf16ps(2, 6, 7);
  }
  if constexpr (kRowTiles > 1) {
    _tile_loadd(6, reinterpret_cast<const char*>(t) + 16 * t_bytes, t_bytes);
    if constexpr (kColumnTiles > 2) {
      _tile_dpbf16ps(5, 6, 7);
      _tile_loadd(7, b + 32, bytes);
    }
    if constexpr (kColumnTiles > 1) {
      _tile_dpbf16ps(4, 6, 7);
      _tile_loadd(7, b, bytes);
    }
    _tile_dpbf16ps(3, 6, 7);
  }
}

template <int kRowTiles, int kColumnTiles>
void transposed_block(std::int64_t positions,
                      const Bf16* t,
                      std::int64_t t_stride,
                      const Bf16* pairs,
                      std::int64_t columns,
                      float* c,
                      std::int64_t c_stride) {
  load_tiles<kRowTiles, kColumnTiles>(c, c_stride * 4);
  for (std::int64_t p = 0; p < positions; p += 32) {
    transposed_step<kRowTiles, kColumnTiles>(t + p, t_stride * 2, pairs + p * columns, columns * 4);
  }
  store_tiles<kRowTiles, kColumnTiles>(c, c_stride * 4);
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
    const Bf16* of_block = pairs + 2 * first * kBf16Columns;
    for (std::int64_t m = 0; m < rows; m += 32) {
      const Bf16* a = t + m * t_stride;
      float* sums = c + m * c_stride + first * kBf16Columns;
      if (rows - m >= 32) {
        transposed_block<2, kCount>(positions, a, t_stride, of_block, columns, sums, c_stride);
      } else {
        transposed_block<1, kCount>(positions, a, t_stride, of_block, columns, sums, c_stride);
      }
    }
  });
}

}  // namespace

extern const Bf16Loops kBf16Loops_amx;
const Bf16Loops kBf16Loops_amx = loops_with(begin_tiles, end_tiles, multiply, multiply_transposed);

}  // namespace parsimony::network::simd
