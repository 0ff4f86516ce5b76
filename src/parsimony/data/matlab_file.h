// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace parsimony::data {

// A matrix of whole numbers, as older data sets keep their lists and label maps in MATLAB files.
struct MatlabMatrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::int64_t> values;  // column by column, as MATLAB stores them

  std::int64_t at(std::int64_t row, std::int64_t column) const {
    return values[static_cast<std::size_t>(column * rows + row)];
  }
};

// Numbers of any rank.
struct MatlabArray {
  std::vector<std::int64_t> dims;
  std::vector<double> values;  // the first index runs fastest, as MATLAB stores them
};

// Reads one variable of a MATLAB file of version 5, 6 or 7 (compressed or not). It may have any
// numeric or logical class as long as its values are whole. May be called from many threads.
//
// Everything else is a user error that names the file: no such variable (with those that are
// there), another class or rank, fractions, damaged and truncated files. So are files of version
// 7.3: they are HDF5, which not every build of the library behind this can read, and none from many
// threads.
MatlabMatrix read_matlab_matrix(const std::filesystem::path& file, const std::string& variable);

// The same for numbers of any kind and rank.
MatlabArray read_matlab_array(const std::filesystem::path& file, const std::string& variable);

}  // namespace parsimony::data
