// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace parsimony::report {

struct Tick {
  double value = 0;
  std::string label;
};

// One axis of a chart: a range a little wider than the values, round ticks, and labels in one unit.
struct Axis {
  double low = 0, high = 1;  // in the values' own unit
  bool logarithmic = false;
  std::string prefix;  // "", "k", "M", "G", "T", "%": labels are in this multiple
  std::vector<Tick> ticks;

  // Where a value lies, 0 at `low` and 1 at `high`.
  double place(double value) const;
};

struct AxisOptions {
  bool counts = false;      // large numbers, labelled with a prefix
  bool percent = false;     // shares, labelled in percent
  bool may_be_log = false;  // becomes logarithmic when the values span more than a factor of 6
  bool whole = false;       // only whole numbers make sense
  bool from_zero = false;   // 0 belongs to the range
  double headroom = 0.06;   // share of the range added at both ends
};

// `values` may be empty or all equal; the axis then still has a range.
Axis make_axis(const std::vector<double>& values, const AxisOptions& options);

}  // namespace parsimony::report
