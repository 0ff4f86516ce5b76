// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace parsimony::network::simd {

// The bits of a bfloat16: the upper half of a float's. Narrowing rounds to nearest, ties to even.
using Bf16 = std::uint16_t;

// A second factor of matrix products, laid out for tiles: `runs` matrices [inner, columns].
struct Bf16Factors {
  std::int64_t runs = 1, inner = 0, columns = 0;
  const Bf16* packed = nullptr;
};

// Rows of a first factor, and which of the matrices they meet.
struct Bf16Run {
  const Bf16* rows;
  std::int64_t matrix;
};

// Where rows of a product go: the pointers of one of the two lists, null for a row that is dropped.
struct Bf16Result {
  const float* start = nullptr;  // [columns], added to every row; null: nothing
  float floor = -std::numeric_limits<float>::infinity();  // then clamped
  float ceiling = std::numeric_limits<float>::infinity();
  Bf16* const* narrow = nullptr;
  float* const* wide = nullptr;
  double* sum = nullptr;  // [columns] each, of the narrowed rows: += y, += y * y; or null
  double* square_sum = nullptr;
};

// A batch norm with its clamp on a map: y = scale x + shift within [floor, ceiling], per channel.
// Null scale: y = x.
struct Bf16Activation {
  const float* scale = nullptr;
  const float* shift = nullptr;
  float floor = 0, ceiling = 0;
};

// Loops on channels-last maps of bf16 values: read and written as bf16, computed in fp32. Matrix
// products have bf16 factors and fp32 sums. Two versions: with tiles (Intel AMX), and with vectors
// (AVX-512 BF16: AMD Zen 4, Intel Cooper Lake, and later ones).
struct Bf16Loops {
  void (*widen)(std::int64_t size, const Bf16* x, float* y);
  void (*narrow)(std::int64_t size, const float* x, Bf16* y);
  // y[i] = 0 where x[i] <= 0.
  void (*passed_by_relu)(std::int64_t size, const Bf16* y_gradient, const Bf16* y, Bf16* gradient);

  // Rows of x, `channels` values each and one behind the other, with an activation done.
  void (*activate)(std::int64_t rows,
                   std::int64_t channels,
                   const Bf16* x,
                   const Bf16Activation& activation,
                   float* y);
  // The same as bf16, rows of y lie `y_stride` apart.
  void (*activate_narrow)(std::int64_t rows,
                          std::int64_t channels,
                          const Bf16* x,
                          const Bf16Activation& activation,
                          Bf16* y,
                          std::int64_t y_stride);

  // Per channel: sum += x, square_sum += x * x.
  void (*moments)(
      std::int64_t rows, std::int64_t channels, const Bf16* x, double* sum, double* square_sum);
  // As Loops::clamp_gradient_moments and Loops::clamp_gradient_affine.
  void (*gradient_moments)(std::int64_t rows,
                           std::int64_t channels,
                           const Bf16* y_gradient,
                           const Bf16* x,
                           const Bf16Activation& activation,
                           double* sum,
                           double* dot);
  void (*gradient_affine)(std::int64_t rows,
                          std::int64_t channels,
                          const Bf16* y_gradient,
                          const Bf16* x,
                          const Bf16Activation& activation,
                          const float* a,
                          const float* b,
                          const float* c,
                          Bf16* x_gradient,
                          std::int64_t x_gradient_stride);

  // ---- Products. The calling thread's tiles must be ready (Bf16Tiles); vectors always are. ----
  void (*begin_tiles)();
  void (*end_tiles)();

  // Values of Bf16Factors::packed.
  std::int64_t (*packed_size)(std::int64_t runs, std::int64_t inner, std::int64_t columns);
  // Matrix `run`: element (i, j) is b[i * row_stride + j * column_stride].
  void (*pack)(const Bf16Factors& factors,
               std::int64_t run,
               const float* b,
               std::int64_t row_stride,
               std::int64_t column_stride,
               Bf16* packed);
  // `rows` (1 to kBf16Rows) rows: the sum over `runs` of their rows, `stride` values apart, times
  // their matrix. Always kBf16Rows rows of a multiple of kBf16Inner values are read, so what lies
  // behind must be readable and finite.
  void (*multiply)(const Bf16Factors& factors,
                   std::int64_t rows,
                   const Bf16Run* runs,
                   std::int64_t run_count,
                   std::int64_t stride,
                   const Bf16Result& result);

  // For products over positions. Both read whole groups of kBf16Columns channels.
  // pairs[k, c] = (x[2k, c], x[2k + 1, c]); `positions` even; rows of x `stride` values apart,
  // pairs of `columns` (a multiple of kBf16Columns) channels.
  void (*interleave)(std::int64_t positions,
                     std::int64_t columns,
                     const Bf16* x,
                     std::int64_t stride,
                     Bf16* pairs);
  // t[c, p] = x[p, c], rows of t `t_stride` apart; `positions` a multiple of kBf16Inner.
  void (*transpose)(std::int64_t positions,
                    std::int64_t columns,
                    const Bf16* x,
                    std::int64_t stride,
                    Bf16* t,
                    std::int64_t t_stride);
  // c[m, n] += SUM_p t[m, p] x[p, n], x given as `pairs`; rows and columns are multiples of
  // kBf16Columns, positions of kBf16Inner.
  void (*multiply_transposed)(std::int64_t positions,
                              std::int64_t rows,
                              std::int64_t columns,
                              const Bf16* t,
                              std::int64_t t_stride,
                              const Bf16* pairs,
                              float* c,
                              std::int64_t c_stride);
};

inline constexpr std::int64_t kBf16Rows = 32;     // of a product at once
inline constexpr std::int64_t kBf16Inner = 32;    // values of a tile's row
inline constexpr std::int64_t kBf16Columns = 16;  // sums of a tile's row

// Those that the processor, the system and the compiler have, the fastest last; tests compare them.
std::vector<const Bf16Loops*> supported_bf16_loops();
// The fastest; null where there are none.
const Bf16Loops* bf16_loops();

// The calling thread's tiles, ready as long as this lives. They are given back at once: a thread
// that keeps tiles in use has 8 KiB more to save at every context switch, and keeps its core from
// deep sleep (Intel 64 and IA-32 Architectures Optimization Reference Manual, "TILERELEASE").
class Bf16Tiles {
 public:
  explicit Bf16Tiles(const Bf16Loops& loops) : loops_(loops) { loops_.begin_tiles(); }
  ~Bf16Tiles() { loops_.end_tiles(); }
  Bf16Tiles(const Bf16Tiles&) = delete;
  Bf16Tiles& operator=(const Bf16Tiles&) = delete;

 private:
  const Bf16Loops& loops_;
};

}  // namespace parsimony::network::simd
