// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/matlab_file.h"

#include <matio.h>

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/data/codec_formats.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

// MathWorks, "MAT-File Format", chapter 1: a header of 128 bytes ends with version and byte order,
// then come the variables, each behind a tag of two 4-byte numbers, type and size.
constexpr std::uint64_t kHeaderBytes = 128;
constexpr std::size_t kVersionAt = 124;
constexpr std::size_t kByteOrderAt = 126;
constexpr std::uint64_t kTagBytes = 8;
constexpr std::uint32_t kMatrixType = 14;
constexpr std::uint32_t kCompressedType = 15;
constexpr unsigned kVersion5 = 0x0100;
constexpr unsigned kVersion73 = 0x0200;
constexpr std::string_view kHdf5Signature = "\x89HDF";

// Doubles count without gaps up to here.
constexpr double kLargestWhole = 9007199254740992.0;

struct CloseFile {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using OpenFile = std::unique_ptr<mat_t, CloseFile>;
using Variable = std::unique_ptr<matvar_t, FreeVariable>;

[[noreturn]] void throw_not_matlab(const fs::path& file) {
  core::throw_user_error(
      "{}: is no MATLAB file of version 5, 6 or 7. Fetch it again, or save it again in MATLAB with "
      "save(..., '-v7').",
      file.string());
}

[[noreturn]] void throw_hdf5(const fs::path& file) {
  core::throw_user_error(
      "{}: is a MATLAB file of version 7.3 (HDF5); expected version 5, 6 or 7. Load it in MATLAB "
      "and save it again with save(..., '-v7').",
      file.string());
}

// Numbers in the byte order that the file's header states.
class Header {
 public:
  Header(std::string_view bytes, const fs::path& file) {
    if (bytes.starts_with(kHdf5Signature)) throw_hdf5(file);
    if (bytes.size() < kHeaderBytes) throw_not_matlab(file);
    const std::string_view order = bytes.substr(kByteOrderAt, 2);
    if (order != "IM" && order != "MI") throw_not_matlab(file);
    little_endian_ = order == "IM";
    const std::uint32_t version = number(bytes.substr(kVersionAt, 2));
    if (version == kVersion73) throw_hdf5(file);
    if (version != kVersion5) throw_not_matlab(file);
  }

  std::uint32_t number(std::string_view bytes) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t from_top = little_endian_ ? bytes.size() - 1 - i : i;
      value = value << 8 | static_cast<unsigned char>(bytes[from_top]);
    }
    return value;
  }

 private:
  bool little_endian_ = true;
};

std::string read_bytes(std::ifstream& in, std::uint64_t count) {
  std::string bytes(count, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

// matio reads a file that was cut short as if its last values were zero, and takes other files for
// MATLAB files of version 4. So the header and the sizes in the tags are looked at first.
void check_container(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::error_code failure;
  const std::uint64_t size = fs::file_size(file, failure);
  if (!in || failure) {
    core::throw_user_error(
        "{}: cannot be opened; expected a readable MATLAB file. Check that it exists and who may "
        "read it.",
        file.string());
  }
  const Header header(read_bytes(in, kHeaderBytes), file);
  for (std::uint64_t at = kHeaderBytes; at < size;) {
    in.seekg(static_cast<std::streamoff>(at));
    const std::string tag = read_bytes(in, kTagBytes);
    if (tag.size() < kTagBytes) throw_damaged(file.string(), "MATLAB", "it ends within a tag");
    const std::uint32_t type = header.number(std::string_view(tag).substr(0, 4));
    if (type != kMatrixType && type != kCompressedType) {
      throw_damaged(
          file.string(),
          "MATLAB",
          fmt::format("element of type {} at byte {}, where a variable begins", type, at));
    }
    at += kTagBytes + header.number(std::string_view(tag).substr(4));
    if (at > size) {
      throw_damaged(file.string(),
                    "MATLAB",
                    fmt::format("it has {} bytes, and a variable that goes on to {}", size, at));
    }
  }
}

std::string names_in(mat_t* file) {
  std::size_t count = 0;
  char** names = Mat_GetDir(file, &count);  // belong to the file
  if (names == nullptr || count == 0) return "none";
  return "'" + core::join(std::vector<std::string>(names, names + count), "', '") + "'";
}

std::string_view name_of(matio_classes type) {
  switch (type) {
    case MAT_C_CELL:
      return "a cell array";
    case MAT_C_STRUCT:
      return "a structure";
    case MAT_C_CHAR:
      return "a text";
    case MAT_C_SPARSE:
      return "a sparse matrix";
    default:
      return "no matrix of numbers";
  }
}

class Reader {
 public:
  Reader(const fs::path& file, const std::string& name) : file_(file.string()), name_(name) {
    check_container(file);
    open_.reset(Mat_Open(file_.c_str(), MAT_ACC_RDONLY));
    if (!open_) throw_damaged(file_, "MATLAB", "it cannot be opened");
    variable_.reset(Mat_VarReadInfo(open_.get(), name.c_str()));
    if (!variable_) {
      core::throw_user_error(
          "{}: has no variable '{}', but {}; expected a matrix of this name. Take the original "
          "file, or save the matrix under this name.",
          file_,
          name_,
          names_in(open_.get()));
    }
  }

  MatlabMatrix read() {
    check_class();
    check_shape(2, "a matrix of two dimensions");
    MatlabMatrix matrix{static_cast<std::int64_t>(variable_->dims[0]),
                        static_cast<std::int64_t>(variable_->dims[1]),
                        {}};
    if (load(count_of_elements())) {
      visit_class([&](auto zero) { copy<decltype(zero)>(matrix); });
    }
    return matrix;
  }

  MatlabArray read_array() {
    check_class();
    check_shape(variable_->rank, "an array");
    MatlabArray array;
    array.dims.assign(variable_->dims, variable_->dims + variable_->rank);
    const std::size_t count = count_of_elements();
    if (!load(count)) return array;
    visit_class([&](auto zero) {
      for_each<decltype(zero)>(count, [&](std::size_t, auto value) {
        array.values.push_back(static_cast<double>(value));
      });
    });
    return array;
  }

 private:
  // Reads the values; false when there are none, into which matio reads nothing.
  bool load(std::size_t count) {
    if (count == 0) return false;
    if (Mat_VarReadDataAll(open_.get(), variable_.get()) != 0 || variable_->data == nullptr)
      throw_damaged(file_, "MATLAB", fmt::format("variable '{}' cannot be read", name_));
    return true;
  }

  void check_class() const {
    if (!visit_class([](auto) {})) throw_unexpected_class();
    if (variable_->isComplex != 0) {
      core::throw_user_error(
          "{}: variable '{}' is complex; expected real numbers. Take the original file.",
          file_,
          name_);
    }
  }

  // Before anything of that size is allocated.
  void check_shape(int rank, std::string_view expected) const {
    const std::size_t limit = kMaxImagePixels;
    const std::size_t* dims = variable_->dims;
    bool fits = variable_->rank == rank && rank > 0 && dims != nullptr;
    std::size_t count = 1;
    for (int i = 0; fits && i < rank; ++i) {
      fits = dims[i] <= limit && (dims[i] == 0 || count <= limit / dims[i]);
      count *= dims[i];
    }
    if (!fits) {
      core::throw_user_error(
          "{}: variable '{}' is {}; expected {} with at most {} elements. Take the original file.",
          file_,
          name_,
          shape(),
          expected,
          limit);
    }
  }

  std::size_t count_of_elements() const {
    std::size_t count = 1;
    for (int i = 0; i < variable_->rank; ++i) count *= variable_->dims[i];
    return count;
  }

  std::string shape() const {
    if (variable_->dims == nullptr) return "without dimensions";
    std::vector<std::string> sides;
    for (int i = 0; i < variable_->rank; ++i) sides.push_back(std::to_string(variable_->dims[i]));
    return core::join(sides, "x");
  }

  [[noreturn]] void throw_unexpected_class() const {
    core::throw_user_error(
        "{}: variable '{}' is {}; expected a matrix of whole numbers. Take the original file, or "
        "save the matrix with save(..., '-v7').",
        file_,
        name_,
        name_of(variable_->class_type));
  }

  // Calls visit with a zero of the variable's class; false when that is no numeric class.
  template <typename Visit>
  bool visit_class(const Visit& visit) const {
    switch (variable_->class_type) {
      case MAT_C_DOUBLE:
        return visit(double{}), true;
      case MAT_C_SINGLE:
        return visit(float{}), true;
      case MAT_C_INT8:
        return visit(std::int8_t{}), true;
      case MAT_C_UINT8:
        return visit(std::uint8_t{}), true;
      case MAT_C_INT16:
        return visit(std::int16_t{}), true;
      case MAT_C_UINT16:
        return visit(std::uint16_t{}), true;
      case MAT_C_INT32:
        return visit(std::int32_t{}), true;
      case MAT_C_UINT32:
        return visit(std::uint32_t{}), true;
      case MAT_C_INT64:
        return visit(std::int64_t{}), true;
      case MAT_C_UINT64:
        return visit(std::uint64_t{}), true;
      default:
        return false;
    }
  }

  template <typename Value, typename Visit>
  void for_each(std::size_t count, const Visit& visit) const {
    if (variable_->nbytes < count * sizeof(Value))
      throw_damaged(file_, "MATLAB", fmt::format("variable '{}' is too short", name_));
    const char* data = static_cast<const char*>(variable_->data);
    for (std::size_t i = 0; i < count; ++i) {
      Value value;
      std::memcpy(&value, data + i * sizeof(Value), sizeof(Value));
      visit(i, value);
    }
  }

  template <typename Value>
  void copy(MatlabMatrix& matrix) const {
    const auto count = static_cast<std::size_t>(matrix.rows * matrix.columns);
    matrix.values.resize(count);
    for_each<Value>(count, [&](std::size_t i, Value value) {
      if (!is_whole(value)) {
        core::throw_user_error(
            "{}: variable '{}' holds {} in row {}, column {}; expected whole numbers. Take the "
            "original file, or round the matrix.",
            file_,
            name_,
            value,
            i % variable_->dims[0] + 1,
            i / variable_->dims[0] + 1);
      }
      matrix.values[i] = static_cast<std::int64_t>(value);
    });
  }

  // Whether an std::int64_t can hold the value.
  template <typename Value>
  static bool is_whole(Value value) {
    if constexpr (std::is_floating_point_v<Value>) {
      return std::trunc(value) == value && std::abs(double{value}) <= kLargestWhole;
    } else {
      return std::in_range<std::int64_t>(value);
    }
  }

  std::string file_;
  std::string name_;
  OpenFile open_;
  Variable variable_;
};

}  // namespace

MatlabMatrix read_matlab_matrix(const fs::path& file, const std::string& variable) {
  return Reader(file, variable).read();
}

MatlabArray read_matlab_array(const fs::path& file, const std::string& variable) {
  return Reader(file, variable).read_array();
}

}  // namespace parsimony::data
