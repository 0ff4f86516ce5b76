// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"

namespace parsimony::weights {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ArrayMap example() {
  ArrayMap map;
  map.arrays["conv.weight"] = Array::from_floats({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  map.arrays["bn.num_batches_tracked"] = {DType::kI64, {}, {7, 0, 0, 0, 0, 0, 0, 0}};
  map.arrays["a"] = {DType::kBool, {3}, {1, 0, 1}};
  map.arrays["empty"] = {DType::kF16, {0, 4}, {}};
  map.metadata = {{"format", "pt"}, {"quote", "\"\xc3\xa4\""}};
  return map;
}

std::vector<std::uint8_t> file_of(const std::string& header, std::size_t data) {
  std::vector<std::uint8_t> bytes(8 + header.size() + data);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string error_of(std::span<const std::uint8_t> bytes) {
  try {
    parse_safetensors(bytes, "x.safetensors");
  } catch (const core::Error& e) {
    EXPECT_EQ(e.kind(), core::ErrorKind::kUser);
    return e.what();
  }
  return "no error";
}

TEST(Safetensors, RoundTrip) {
  const core::TemporaryFolder folder;
  const auto file = folder.path() / "new" / "w.safetensors";
  write_safetensors(file, example());
  EXPECT_EQ(read_safetensors(file), example());
}

TEST(Safetensors, EmptyMapRoundTrips) {
  EXPECT_EQ(parse_safetensors(format_safetensors({}, "x"), "x"), ArrayMap{});
}

TEST(Safetensors, WritesAlignedHeaderAndNameOrder) {
  const auto bytes = format_safetensors(example(), "x");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  const auto header = nlohmann::json::parse(bytes.begin() + 8, bytes.begin() + 8 + length);
  EXPECT_EQ(header["a"]["data_offsets"], nlohmann::json({0, 3}));
  EXPECT_EQ(header["bn.num_batches_tracked"]["data_offsets"], nlohmann::json({3, 11}));
  EXPECT_EQ(header["conv.weight"]["data_offsets"], nlohmann::json({11, 35}));
  EXPECT_EQ(header["__metadata__"]["format"], "pt");
  EXPECT_EQ(format_safetensors(example(), "x"), bytes);
}

TEST(Safetensors, RefusesToWriteWhatCannotBeRead) {
  ArrayMap reserved;
  reserved.arrays["__metadata__"] = Array::from_floats({0}, {});
  EXPECT_THROW(format_safetensors(reserved, "x"), core::Error);
  ArrayMap binary;
  binary.arrays["\xff"] = Array::from_floats({0}, {});
  EXPECT_THROW(format_safetensors(binary, "x"), core::Error);
}

struct BadHeader {
  const char* name;
  const char* header;
  std::size_t data;
  const char* message;
};

class SafetensorsBadHeader : public testing::TestWithParam<BadHeader> {};

TEST_P(SafetensorsBadHeader, IsRefusedWithAReason) {
  EXPECT_THAT(error_of(file_of(GetParam().header, GetParam().data)),
              AllOf(HasSubstr("x.safetensors"), HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    SafetensorsBadHeader,
    testing::Values(
        BadHeader{"NotJson", "{\"a\":", 0, "is not JSON"},
        BadHeader{"NotObject", "[1]", 0, "is array"},
        BadHeader{"Deep", "{\"a\":{\"shape\":[[[]]]}}", 0, "nested"},
        BadHeader{"Twice",
                  R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                  R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                  0,
                  "names 'a' twice"},
        BadHeader{"TensorNoObject", R"({"a":3})", 0, "tensor 'a' is number"},
        BadHeader{"NoType", R"({"a":{"shape":[],"data_offsets":[0,1]}})", 1, "no dtype"},
        BadHeader{"OtherType",
                  R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})",
                  1,
                  "'F8_E4M3'"},
        BadHeader{"NoShape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "no shape"},
        BadHeader{"NegativeExtent",
                  R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
                  1,
                  "has -1 in its shape"},
        BadHeader{"FractionalExtent",
                  R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})",
                  1,
                  "has 1.0 in its shape"},
        BadHeader{"HugeExtent",
                  R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})",
                  1,
                  "in its shape"},
        BadHeader{"ProductOverflows",
                  R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
                  0,
                  "do not fit"},
        BadHeader{"BytesOverflow",
                  R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})",
                  0,
                  "do not fit"},
        BadHeader{"WrongSize",
                  R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
                  4,
                  "do not fit"},
        BadHeader{"OffsetsSwapped",
                  R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})",
                  1,
                  "data_offsets [1, 0]"},
        BadHeader{"OffsetsOutside",
                  R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                  1,
                  "within 1 bytes"},
        BadHeader{"OneOffset",
                  R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1]}})",
                  1,
                  "data_offsets [1]"},
        BadHeader{"Overlap",
                  R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                  R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                  3,
                  "'b' overlaps"},
        BadHeader{"Gap",
                  R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                  2,
                  "belong to no tensor"},
        BadHeader{"Trailing",
                  R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                  3,
                  "2 bytes follow the last"},
        BadHeader{"MetadataNoObject", R"({"__metadata__":[]})", 0, "is array"},
        BadHeader{"MetadataNoText", R"({"__metadata__":{"a":1}})", 0, "'a' is number"}),
    [](const auto& row) { return row.param.name; });

TEST(Safetensors, RefusesImpossibleHeaderLengths) {
  EXPECT_THAT(error_of(std::vector<std::uint8_t>(7)), HasSubstr("holds 7 bytes"));
  std::vector<std::uint8_t> bytes = format_safetensors(example(), "x");
  bytes[4] = 1;
  EXPECT_THAT(error_of(bytes), HasSubstr("expected at most 100000000"));
  bytes = file_of("{}", 0);
  bytes[0] = 3;
  EXPECT_THAT(error_of(bytes), HasSubstr("claims 3 bytes, but only 2 follow"));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const auto bytes = format_safetensors(example(), "x");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(error_of(std::span(bytes).first(size)), "no error") << size;
  }
}

TEST(Safetensors, MissingFileIsNamed) {
  try {
    read_safetensors("/nowhere/w.safetensors");
    FAIL();
  } catch (const core::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("/nowhere/w.safetensors"));
  }
}

// The packed networks beside the repository, where there are any.
TEST(Safetensors, ReadsThePackedNetworks) {
  const char* shared = std::getenv("PARSIMONY_SHARED");
  const std::filesystem::path folder =
      (shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path("../shared")) /
      "weights";
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "NO REAL WEIGHTS READ: " << folder << " is missing; set PARSIMONY_SHARED.";
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    SCOPED_TRACE(entry.path());
    const auto facts = nlohmann::json::parse(
        core::read_text_file(std::filesystem::path(entry.path()).replace_extension(".json")));
    EXPECT_EQ(core::sha256_of_file(entry.path()), facts["sha256"]);
    const ArrayMap map = read_safetensors(entry.path());
    EXPECT_EQ(map.arrays.size(), facts["tensors"]);
    EXPECT_EQ(parse_safetensors(format_safetensors(map, "copy"), "copy"), map);
    ++files;
  }
  EXPECT_GT(files, 0) << "no .safetensors in " << folder;
}

}  // namespace
}  // namespace parsimony::weights
