// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow/products.h"

#include <algorithm>

namespace parsimony::network::narrow {

void multiply_rows(const Factors& factors,
                   const Bf16* rows,
                   std::int64_t count,
                   std::int64_t first,
                   Rows& to,
                   double* sums) {
  const std::int64_t inner = (*factors).inner;
  for (std::int64_t i = 0; i < count; i += kBf16Rows) {
    const std::int64_t n = std::min(kBf16Rows, count - i);
    to.to_pixels(first + i, n);
    const simd::Bf16Run run{rows + i * inner, 0};
    loops().multiply(*factors, n, &run, 1, inner, to.result(sums));
  }
}

}  // namespace parsimony::network::narrow
