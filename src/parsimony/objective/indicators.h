// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/objective/objective.h"

namespace parsimony::objective {

// How near a set of points comes to a reference front (smaller is better, for the indicators too;
// Zitzler et al., IEEE TEC 2003; Ishibuchi et al., EMO 2015). Conventions are those of moocore. For
// the comparison of several searches the reference is the front of all of them together. Both sets
// are finite, not empty, and of one length of points.

// Inverted generational distance: the mean over the reference of the Euclidean distance to the
// nearest point. It can call a dominated set the better one.
double igd(const std::vector<Point>& points, const std::vector<Point>& reference);

// The same with distances that count only where a point is worse than the reference: never prefers
// a set that another weakly dominates.
double igd_plus(const std::vector<Point>& points, const std::vector<Point>& reference);

// By how much at least all points would have to improve, in every objective alike, to weakly
// dominate the reference: a difference (may be below 0), or a factor, for which all values are
// above 0.
double additive_epsilon(const std::vector<Point>& points, const std::vector<Point>& reference);
double multiplicative_epsilon(const std::vector<Point>& points,
                              const std::vector<Point>& reference);

// Hypervolumes of the fronts of several searches, on one scale: every objective runs from 0, its
// best value in any of the fronts, to 1, its worst, and volumes are bounded by 1.1 (Ishibuchi et
// al., How to specify a reference point in hypervolume calculation, ECJ 2018). So each is within 0
// (no points) and 1.1 to the power of the objectives. Dominated points of a set count neither for
// its volume nor for the scale.
std::vector<double> comparable_hypervolumes(const std::vector<std::vector<Point>>& sets);

}  // namespace parsimony::objective
