// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "parsimony/network/simd/loops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Matrices [inner, columns] that rows of values are multiplied with, laid out once for the loops
// that do it.
class PackedMatrices {
 public:
  PackedMatrices(std::int64_t count,
                 std::int64_t inner,
                 std::int64_t columns,
                 const simd::Loops& loops = simd::loops())
      : loops_(loops),
        inner_(inner),
        columns_(columns),
        size_(loops.packed_size(inner, columns)),
        values_(at::empty({count * size_}, at::kFloat)) {}

  // Element (i, j) of matrix `m` is values[i * row_stride + j * column_stride].
  void set(std::int64_t m,
           const float* values,
           std::int64_t row_stride,
           std::int64_t column_stride) {
    loops_.pack(
        inner_, columns_, values, row_stride, column_stride, values_.data_ptr<float>() + m * size_);
  }

  // to [rows, columns] = from [rows, inner] times matrix `m`, added to what `to` holds when wanted;
  // rows lie `from_stride` and `to_stride` values apart.
  void multiply(std::int64_t m,
                std::int64_t rows,
                const float* from,
                std::int64_t from_stride,
                float* to,
                std::int64_t to_stride,
                bool accumulate) const {
    loops_.gemm(rows,
                inner_,
                columns_,
                from,
                from_stride,
                values_.data_ptr<float>() + m * size_,
                to,
                to_stride,
                accumulate);
  }

 private:
  const simd::Loops& loops_;
  std::int64_t inner_, columns_, size_;
  Tensor values_;
};

// Starts `rows` rows of a result with a bias [columns], contiguous.
inline void fill_rows(const Tensor& bias, std::int64_t rows, float* to) {
  const std::int64_t columns = bias.numel();
  for (std::int64_t r = 0; r < rows; ++r)
    std::copy_n(bias.data_ptr<float>(), columns, to + r * columns);
}

}  // namespace parsimony::network
