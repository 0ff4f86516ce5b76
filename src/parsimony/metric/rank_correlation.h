// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace parsimony::metric {

// Kendall's tau-b between two lists of scores of the same things (Kendall, Biometrika 1945): of all
// pairs, those ordered alike less those ordered oppositely, over the geometric mean of the pairs
// that each list does not tie. 1: the same order, -1: the reverse; 0 where a list ties everything.
double kendall_tau(const std::vector<double>& a, const std::vector<double>& b);

// Spearman's rho: the linear correlation of the ranks, of which equal values share the mean
// (Spearman, American Journal of Psychology 1904). 0 where a list ties everything.
double spearman_rho(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace parsimony::metric
