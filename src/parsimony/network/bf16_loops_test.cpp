// SPDX-License-Identifier: Apache-2.0
// Every version of the bf16 loops' products against sums in double precision of the same factors.
#include "parsimony/network/simd/bf16_loops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <memory>
#include <random>
#include <vector>

namespace parsimony::network::simd {
namespace {

double value_of(Bf16 bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16U);
}

std::vector<Bf16> random_values(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Bf16> values(size);
  for (Bf16& value : values)
    value = static_cast<Bf16>(std::bit_cast<std::uint32_t>(normal(random)) >> 16U);
  return values;
}

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// More pairs of a tile's row, columns that fill tiles and blocks of them and that do not, an odd
// inner size, rows up to all.
TEST(Bf16Loops, MultiplySumsRunsOfRowsTimesTheirMatrices) {
  if (supported_bf16_loops().empty()) GTEST_SKIP() << "this processor has no bf16 products";
  for (const Bf16Loops* loops : supported_bf16_loops()) {
    const Bf16Tiles tiles(*loops);
    for (const std::int64_t inner : {1, 24, 32, 33, 80}) {
      for (const std::int64_t columns : {1, 16, 24, 48, 70}) {
        for (const std::int64_t rows : {1, 8, 9, 16, 17, 32}) {
          SCOPED_TRACE(testing::Message()
                       << inner << " inner, " << columns << " columns, " << rows);
          const std::int64_t runs = 2;
          const std::vector<Bf16> b = random_values(at(runs * inner * columns), 1);
          std::vector<float> wide;
          for (const Bf16 value : b) wide.push_back(static_cast<float>(value_of(value)));
          std::vector<Bf16> packed(at(loops->packed_size(runs, inner, columns)));
          const Bf16Factors factors{runs, inner, columns, packed.data()};
          for (std::int64_t run = 0; run < runs; ++run)
            loops->pack(
                factors, run, wide.data() + run * inner * columns, columns, 1, packed.data());

          const std::int64_t stride = inner + 3;
          const std::vector<Bf16> a =
              random_values(at((kBf16Rows + 2) * stride + 2 * kBf16Inner), 2);
          // The second run's rows begin one row below the first's; the matrices change places.
          const Bf16Run of[] = {{a.data(), 1}, {a.data() + stride, 0}};
          std::vector<float> start(at(columns), 0.5F);
          std::vector<float> y(at(rows * columns), -1);
          std::vector<float*> to(at(kBf16Rows), nullptr);
          for (std::int64_t r = 0; r < rows; ++r) to[at(r)] = y.data() + r * columns;
          if (rows > 1) to[1] = nullptr;  // dropped
          Bf16Result result;
          result.start = start.data();
          result.floor = -20;
          result.ceiling = 20;
          result.wide = to.data();
          loops->multiply(factors, rows, of, 2, stride, result);

          for (std::int64_t r = 0; r < rows; ++r) {
            for (std::int64_t c = 0; c < columns; ++c) {
              double sum = 0.5;
              double size = 1;
              for (const std::int64_t run : {0, 1}) {
                for (std::int64_t i = 0; i < inner; ++i) {
                  const double product = value_of(a[at((r + run) * stride + i)]) *
                                         value_of(b[at(((1 - run) * inner + i) * columns + c)]);
                  sum += product;
                  size += std::abs(product);
                }
              }
              const double wanted = r == 1 ? -1 : std::clamp(sum, -20.0, 20.0);
              ASSERT_NEAR(y[at(r * columns + c)], wanted, 1e-6 * size) << r << ", " << c;
            }
          }
        }
      }
    }
  }
}

TEST(Bf16Loops, MultiplyTransposedAddsSumsOverPositions) {
  if (supported_bf16_loops().empty()) GTEST_SKIP() << "this processor has no bf16 products";
  for (const Bf16Loops* loops : supported_bf16_loops()) {
    const Bf16Tiles tiles(*loops);
    for (const std::int64_t positions : {32, 96}) {
      for (const std::int64_t rows : {16, 32, 48}) {
        for (const std::int64_t columns : {16, 48, 64, 80}) {
          SCOPED_TRACE(testing::Message() << positions << ", " << rows << ", " << columns);
          const std::vector<Bf16> first = random_values(at(positions * rows), 3);
          const std::vector<Bf16> second = random_values(at(positions * columns), 4);
          const std::int64_t t_stride = positions + 32;
          std::vector<Bf16> t(at(rows * t_stride));
          loops->transpose(positions, rows, first.data(), rows, t.data(), t_stride);
          // Pairs are stored to whole cache lines.
          std::vector<Bf16> room(at(positions * columns + 32));
          void* aligned = room.data();
          std::size_t space = room.size() * 2;
          auto* pairs =
              static_cast<Bf16*>(std::align(64, at(positions * columns) * 2, aligned, space));
          loops->interleave(positions, columns, second.data(), columns, pairs);
          const std::int64_t c_stride = columns + 5;
          std::vector<float> c(at(rows * c_stride), 0.25F);
          loops->multiply_transposed(
              positions, rows, columns, t.data(), t_stride, pairs, c.data(), c_stride);
          for (std::int64_t m = 0; m < rows; ++m) {
            for (std::int64_t n = 0; n < columns; ++n) {
              double sum = 0.25;
              double size = 1;
              for (std::int64_t p = 0; p < positions; ++p) {
                const double product =
                    value_of(first[at(p * rows + m)]) * value_of(second[at(p * columns + n)]);
                sum += product;
                size += std::abs(product);
              }
              ASSERT_NEAR(c[at(m * c_stride + n)], sum, 1e-6 * size) << m << ", " << n;
            }
            ASSERT_EQ(c[at(m * c_stride + columns)], 0.25F) << "behind row " << m;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace parsimony::network::simd
