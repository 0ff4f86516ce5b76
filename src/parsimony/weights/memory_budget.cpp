// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/memory_budget.h"

#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::weights {
namespace {

constexpr std::uint64_t kFree = 256U << 20U;  // small files may be very compact
constexpr std::uint64_t kFactor = 16;

}  // namespace

MemoryBudget::MemoryBudget(std::uint64_t file_bytes, std::string origin)
    : file_bytes_(file_bytes), left_(kFree + kFactor * file_bytes), origin_(std::move(origin)) {}

void MemoryBudget::spend(std::uint64_t bytes) {
  if (bytes > left_) {
    core::throw_user_error(
        "{}: its {} unfold to more than {}, which no weights do; it is damaged or hostile, get it "
        "again.",
        origin_,
        core::human_bytes(static_cast<double>(file_bytes_)),
        core::human_bytes(static_cast<double>(kFree + kFactor * file_bytes_)));
  }
  left_ -= bytes;
}

}  // namespace parsimony::weights
