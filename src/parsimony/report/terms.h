// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace parsimony::report {

// How the page speaks of a score or cost.
struct Term {
  std::string title;  // "Parameters"
  enum class Kind { kPlain, kPercent, kCount, kBytes, kMilliseconds } kind = Kind::kPlain;
};

// A score without an entry keeps its own name, underscores shown as blanks.
Term term_of(std::string_view score);

// "0.34 M", "71.2 %", "3.1 ms"
std::string format_score(std::string_view score, double value);

// A share as percent with one decimal, "71.2 %".
std::string percent(double share);

}  // namespace parsimony::report
