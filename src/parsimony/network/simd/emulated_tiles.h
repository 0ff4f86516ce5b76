// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

// The tile instructions that bf16_amx.cc uses, done by ordinary code (PARSIMONY_EMULATED_TILES).
// Sanitizers do not see what the instructions read and write; here they do, on any processor that
// has AVX-512 and its bf16 conversions. Slow. To be included behind <immintrin.h>.
namespace parsimony::network::simd {
namespace {

struct EmulatedTiles {
  bool ready = false;
  unsigned char rows[8][16][64];
};
thread_local EmulatedTiles emulated_tiles;

// The processor raises an exception for a thread whose tiles are not ready.
inline unsigned char (&emulated_tile(int tile))[16][64] {
  if (!emulated_tiles.ready) __builtin_trap();
  return emulated_tiles.rows[tile];
}

inline void emulated_tile_load(int tile, const void* from, std::int64_t bytes) {
  auto& rows = emulated_tile(tile);
  for (int i = 0; i < 16; ++i)
    std::memcpy(rows[i], static_cast<const unsigned char*>(from) + i * bytes, 64);
}

inline void emulated_tile_store(int tile, void* to, std::int64_t bytes) {
  const auto& rows = emulated_tile(tile);
  for (int i = 0; i < 16; ++i)
    std::memcpy(static_cast<unsigned char*>(to) + i * bytes, rows[i], 64);
}

// TDPBF16PS: even values first, then odd ones (Intel 64 and IA-32 Architectures Software
// Developer's Manual, volume 2).
inline void emulated_tile_product(int sums, int first, int second) {
  auto& c = emulated_tile(sums);
  const auto& a = emulated_tile(first);
  const auto& b = emulated_tile(second);
  const auto value = [](const unsigned char* row, int i) {
    std::uint16_t upper = 0;
    std::memcpy(&upper, row + 2 * i, 2);
    const std::uint32_t bits = std::uint32_t{upper} << 16U;
    float x = 0;
    std::memcpy(&x, &bits, 4);
    return x;
  };
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 16; ++n) {
      float sum = 0;
      std::memcpy(&sum, c[m] + 4 * n, 4);
      for (int k = 0; k < 16; ++k) {
        sum = __builtin_fmaf(value(a[m], 2 * k), value(b[k], 2 * n), sum);
        sum = __builtin_fmaf(value(a[m], 2 * k + 1), value(b[k], 2 * n + 1), sum);
      }
      std::memcpy(c[m] + 4 * n, &sum, 4);
    }
  }
}

}  // namespace
}  // namespace parsimony::network::simd

// The names are macros in GCC's header too.
#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadconfig(configuration) \
  (static_cast<void>(configuration), emulated_tiles.ready = true)
#define _tile_release() (emulated_tiles.ready = false)
#define _tile_loadd(tile, from, bytes) emulated_tile_load(tile, from, bytes)
#define _tile_stored(tile, to, bytes) emulated_tile_store(tile, to, bytes)
#define _tile_zero(tile) std::memset(emulated_tile(tile), 0, sizeof(emulated_tile(tile)))
#define _tile_dpbf16ps(sums, first, second) emulated_tile_product(sums, first, second)
