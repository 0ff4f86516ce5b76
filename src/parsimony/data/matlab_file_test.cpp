// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/matlab_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "parsimony/data/matlab_fixtures_for_test.h"

namespace parsimony::data {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MatlabFile : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "m.mat"; }
  std::string error() const {
    return user_error([&] { read_matlab_matrix(file(), "m"); });
  }

 private:
  core::TemporaryFolder folder_;
};

template <typename Value>
class MatlabClasses : public MatlabFile {};
using NumericClasses = ::testing::Types<double,
                                        float,
                                        std::int8_t,
                                        std::uint8_t,
                                        std::int16_t,
                                        std::uint16_t,
                                        std::int32_t,
                                        std::uint32_t,
                                        std::int64_t,
                                        std::uint64_t>;
TYPED_TEST_SUITE(MatlabClasses, NumericClasses);

TYPED_TEST(MatlabClasses, AreReadColumnByColumn) {
  for (const matio_compression compression : {MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB}) {
    store_matlab<TypeParam>(
        this->file(), "m", {1, 2, 3, 4, 5, 100}, {.dims = {2, 3}, .compression = compression});
    const MatlabMatrix matrix = read_matlab_matrix(this->file(), "m");
    EXPECT_EQ(matrix.rows, 2);
    EXPECT_EQ(matrix.columns, 3);
    EXPECT_THAT(matrix.values, ElementsAre(1, 2, 3, 4, 5, 100));
    EXPECT_EQ(matrix.at(1, 0), 2);
    EXPECT_EQ(matrix.at(0, 2), 5);
  }
}

TEST_F(MatlabFile, LogicalNegativeAndEmptyMatricesAreRead) {
  store_matlab<std::uint8_t>(file(), "m", {1, 0}, {.dims = {2, 1}, .flags = MAT_F_LOGICAL});
  EXPECT_THAT(read_matlab_matrix(file(), "m").values, ElementsAre(1, 0));
  store_matlab<double>(file(), "m", {-3}, {.dims = {1, 1}});
  EXPECT_THAT(read_matlab_matrix(file(), "m").values, ElementsAre(-3));
  store_matlab<double>(file(), "m", {}, {.dims = {0, 7}});
  EXPECT_EQ(read_matlab_matrix(file(), "m").columns, 7);
}

TEST_F(MatlabFile, OtherNamesAreErrorsThatSayWhatIsThere) {
  store_matlab<double>(file(), "mask", {1}, {.dims = {1, 1}});
  EXPECT_THAT(error(), AllOf(HasSubstr("m.mat"), HasSubstr("no variable 'm', but 'mask'")));
}

TEST_F(MatlabFile, NumbersMustBeWhole) {
  const double huge = 1e300;
  for (const double value : {0.5, huge, -huge, std::numeric_limits<double>::quiet_NaN()}) {
    store_matlab<double>(file(), "m", {1, 2, 3, value, 5, 6}, {.dims = {2, 3}});
    EXPECT_THAT(error(), AllOf(HasSubstr(fmt::format("holds {}", value)), HasSubstr("row 2")));
  }
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  store_matlab<std::uint64_t>(file(), "m", {most}, {.dims = {1, 1}});
  EXPECT_THAT(error(), HasSubstr("holds 18446744073709551615 in row 1, column 1"));
}

TEST_F(MatlabFile, OnlyMatricesOfTwoDimensionsAreRead) {
  store_matlab<double>(file(), "m", {1, 2, 3, 4, 5, 6, 7, 8}, {.dims = {2, 2, 2}});
  EXPECT_THAT(error(), AllOf(HasSubstr("'m' is 2x2x2"), HasSubstr("two dimensions")));
}

TEST_F(MatlabFile, OtherClassesAreNamed) {
  std::size_t dims[] = {1, 1};
  const auto store_variable = [&](matvar_t* variable) {
    mat_t* out = Mat_CreateVer(file().c_str(), nullptr, MAT_FT_MAT5);
    Mat_VarWrite(out, variable, MAT_COMPRESSION_NONE);
    Mat_VarFree(variable);
    Mat_Close(out);
  };
  const char* fields[] = {"a"};
  store_variable(Mat_VarCreateStruct("m", 2, dims, fields, 1));
  EXPECT_THAT(error(), HasSubstr("'m' is a structure"));
  char text[] = "x";
  store_variable(Mat_VarCreate("m", MAT_C_CHAR, MAT_T_UINT8, 2, dims, text, 0));
  EXPECT_THAT(error(), HasSubstr("'m' is a text"));
  double re = 1, im = 2;
  mat_complex_split_t number{&re, &im};
  store_variable(Mat_VarCreate("m", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, dims, &number, MAT_F_COMPLEX));
  EXPECT_THAT(error(), HasSubstr("'m' is complex"));
}

TEST_F(MatlabFile, OtherVersionsAndFormatsAreRefused) {
  EXPECT_THAT(error(), HasSubstr("cannot be opened"));
  store(file(), "\x89HDF\r\n\x1a\n" + std::string(200, '\0'));
  EXPECT_THAT(error(), AllOf(HasSubstr("7.3 (HDF5)"), HasSubstr("-v7")));
  std::string header = "MATLAB 7.3 MAT-file";
  header.resize(124, ' ');
  store(file(), header + std::string("\0\2IM", 4) + std::string(400, '\0'));
  EXPECT_THAT(error(), HasSubstr("7.3 (HDF5)"));
  store_matlab<double>(file(), "m", {1}, {.dims = {1, 1}, .version = MAT_FT_MAT4});
  EXPECT_THAT(error(), HasSubstr("no MATLAB file of version 5"));
  for (const std::string& text : {std::string(), std::string("no file"), std::string(5000, 'x')}) {
    store(file(), text);
    EXPECT_THAT(error(), AllOf(HasSubstr("m.mat"), HasSubstr("no MATLAB file"))) << text;
  }
}

TEST_F(MatlabFile, ArraysMayHaveAnyRankAndFractions) {
  std::vector<float> values;
  for (int i = 0; i < 24; ++i) values.push_back(0.5F * static_cast<float>(i));
  store_matlab(file(), "m", values, {.dims = {2, 3, 4}, .compression = MAT_COMPRESSION_ZLIB});
  const MatlabArray array = read_matlab_array(file(), "m");
  EXPECT_EQ(array.dims, (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(array.values, std::vector<double>(values.begin(), values.end()));
  EXPECT_THAT(error(), HasSubstr("2x3x4"));  // which is no matrix
  store_matlab<double>(file(), "m", {}, {.dims = {14, 3, 0}});
  EXPECT_TRUE(read_matlab_array(file(), "m").values.empty());
}

TEST_F(MatlabFile, ThatAreCutShortAreRefusedWhereverTheyEnd) {
  for (const matio_compression compression : {MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB}) {
    const std::vector<std::uint8_t> values(60, 7);
    store_matlab(file(), "m", values, {.dims = {6, 10}, .compression = compression});
    const std::string whole = core::read_text_file(file());
    for (std::size_t length = 0; length < whole.size(); ++length) {
      store(file(), whole.substr(0, length));
      EXPECT_THAT(error(), HasSubstr("m.mat")) << length;
    }
    // A header alone is a file without variables.
    store(file(), whole.substr(0, 128));
    EXPECT_THAT(error(), HasSubstr("no variable 'm', but none"));
    store(file(), whole.substr(0, 140));
    EXPECT_THAT(error(), HasSubstr("goes on to"));
    store(file(), whole + "trailing garbage");
    EXPECT_THAT(error(), HasSubstr("where a variable begins"));
  }
}

TEST_F(MatlabFile, AbsurdSizesAreRefusedBeforeAnythingIsAllocated) {
  store_matlab<std::uint8_t>(file(), "m", {1, 2}, {.dims = {1, 2}});
  std::string bytes = core::read_text_file(file());
  // Header, tag of the variable, its flags (16 bytes), tag of its dimensions.
  const std::size_t dimensions = 128 + 8 + 16 + 8;
  bytes.replace(dimensions, 8, std::string("\0\0\0\x7f\0\0\0\x7f", 8));
  store(file(), bytes);
  EXPECT_THAT(error(), AllOf(HasSubstr("2130706432x2130706432"), HasSubstr("at most")));
}

TEST_F(MatlabFile, DamagedBytesAreUserErrorsAtWorst) {
  store_matlab(file(),
               "m",
               std::vector<std::uint8_t>(64, 3),
               {.dims = {8, 8}, .compression = MAT_COMPRESSION_ZLIB});
  const std::string whole = core::read_text_file(file());
  for (std::size_t at = 136; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(~bytes[at]);
    store(file(), bytes);
    // What still is a matrix of its size is not known to be damaged; all else is a user error.
    try {
      const MatlabMatrix matrix = read_matlab_matrix(file(), "m");
      EXPECT_EQ(matrix.values.size(), static_cast<std::size_t>(matrix.rows * matrix.columns));
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << error.what();
    }
  }
}

}  // namespace
}  // namespace parsimony::data
