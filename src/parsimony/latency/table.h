// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/latency/work.h"

namespace parsimony::latency {

// One work and how long the device took for it.
struct MeasuredWork {
  Work work;  // without its name; `inputs` has the right length and no meaning
  double milliseconds = 0;
};

// A device of which single works were measured (`parsimony bench lut` does that on this host).
struct TableDevice {
  double overhead = 0;  // ms per network, whatever it consists of
  // Time of a work within a network over that of the work alone; runtimes that compute several
  // works together, or in threads side by side, are below 1.
  double scale = 1;
  // The rows, as texts: "KIND IN OUT kK sS dD gG nN MILLISECONDS", for example
  // "pointwise 24x64x64 48x64x64 k1 s1 d1 g1 n1 0.31"; shapes are [C, H, W], then kernel, stride,
  // dilation, groups, and the number of maps that it reads.
  std::vector<std::string> works;
  void visit(core::FieldVisitor& v);
};

// What is equal for works that take equally long: a row's text without its time.
std::string table_key(const Work& work);
std::string to_row(const MeasuredWork& measured);
// A user error that quotes the row when it is not one.
MeasuredWork parse_row(std::string_view row);

struct TableTimes {
  std::vector<double> milliseconds;  // per work, `scale` included
  int interpolated = 0;              // works that are not in the table
};

// Looks every work up. A work that is not there takes a + b * (multiply-accumulates) + c * (values
// read and written, weights among them), with coefficients of at least 0 that fit the rows of its
// kind best by relative error; where a kind has fewer than three rows, those of all convolutions or
// of all other works, then all rows. A user error where the table is empty or a row is damaged.
TableTimes table_times(const TableDevice& device, const std::vector<Work>& works);

}  // namespace parsimony::latency
