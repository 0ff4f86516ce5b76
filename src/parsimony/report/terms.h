// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "parsimony/report/axis.h"

namespace parsimony::report {

// How the page speaks of a score or cost.
struct Term {
  std::string title;  // "Parameters"
  enum class Kind { kPlain, kPercent, kCount, kBytes, kMilliseconds, kMetres } kind = Kind::kPlain;
};

// A score without an entry keeps its own name, underscores shown as blanks.
Term term_of(std::string_view score);

// "0.34 M", "71.2 %", "3.1 ms"
std::string format_score(std::string_view score, double value);

// As the title of a chart's axis, with the unit where its labels do not show one.
std::string axis_title(const Term& term);
AxisOptions axis_options(const Term& term);
// The title within a sentence: abbreviations keep their letters.
std::string title_in_sentence(const Term& term);

// A share as percent with one decimal, "71.2 %".
std::string percent(double share);

}  // namespace parsimony::report
