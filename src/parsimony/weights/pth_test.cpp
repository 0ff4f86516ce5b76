// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/pth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/weights/tensor_files.h"

namespace parsimony::weights {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Pair;
using testing::UnorderedElementsAre;
using Shape = std::vector<std::int64_t>;

// All fixtures are written by make_pth.py, the torch_* ones by PyTorch itself.
std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path("tests/fixtures/weights") / name;
}

std::string error_of(const std::string& name) {
  try {
    read_weights(fixture(name));
  } catch (const core::Error& e) {
    EXPECT_EQ(e.kind(), core::ErrorKind::kUser);
    EXPECT_THAT(e.what(), HasSubstr(name));
    return e.what();
  }
  return "no error";
}

// Element i of the fixtures' storages.
float value(int i) {
  return static_cast<float>(i) / 2 - 3;
}

class PthEveryType : public testing::TestWithParam<const char*> {};

TEST_P(PthEveryType, ReadsTypesShapesAndValues) {
  const ArrayMap map = read_pth(fixture(GetParam()));
  EXPECT_EQ(map.arrays.size(), 13U);
  for (const auto& [name, type] : std::map<std::string, DType>{{"t.double", DType::kF64},
                                                               {"t.float", DType::kF32},
                                                               {"t.half", DType::kF16},
                                                               {"t.bfloat16", DType::kBF16}}) {
    const Array& array = map.arrays.at(name);
    EXPECT_EQ(array.type, type) << name;
    EXPECT_EQ(array.shape, (Shape{2, 3})) << name;
    EXPECT_THAT(array.to_floats(), ElementsAre(-3, -2.5, -2, -1.5, -1, -0.5)) << name;
  }
  for (const auto& [name, type] : std::map<std::string, DType>{{"t.long", DType::kI64},
                                                               {"t.int", DType::kI32},
                                                               {"t.short", DType::kI16},
                                                               {"t.char", DType::kI8}}) {
    EXPECT_EQ(map.arrays.at(name).type, type) << name;
    EXPECT_THAT(map.arrays.at(name).to_floats(), ElementsAre(-3, -3, -2, -2, -1, -1)) << name;
  }
  EXPECT_EQ(map.arrays.at("t.byte").type, DType::kU8);
  EXPECT_THAT(map.arrays.at("t.byte").to_floats(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(map.arrays.at("t.bool").type, DType::kBool);
  EXPECT_THAT(map.arrays.at("t.bool").to_floats(), ElementsAre(0, 1, 0, 1, 0, 1));
  EXPECT_EQ(map.arrays.at("scalar").shape, Shape{});
  EXPECT_THAT(map.arrays.at("scalar").to_floats(), ElementsAre(-3));
  EXPECT_EQ(map.arrays.at("empty").shape, (Shape{0, 4}));
  EXPECT_THAT(map.arrays.at("parameter").to_floats(), ElementsAre(-3, -2.5, -2, -1.5));
  EXPECT_TRUE(map.metadata.empty());
}

INSTANTIATE_TEST_SUITE_P(All,
                         PthEveryType,
                         testing::Values("zip_protocol2.pth",
                                         "zip_protocol3.pth",
                                         "zip_protocol4.pth",
                                         "zip_protocol5.pth",
                                         "zip_deflated.pth",
                                         "legacy_protocol2.pth",
                                         "legacy_protocol3.pth",
                                         "legacy_protocol4.pth",
                                         "legacy_protocol5.pth"),
                         [](const auto& row) {
                           const std::string name = row.param;
                           return name.substr(0, name.find('.'));
                         });

class PthStrided : public testing::TestWithParam<const char*> {};

TEST_P(PthStrided, ViewsOfOneStorageBecomeDense) {
  const ArrayMap map = read_pth(fixture(GetParam()));
  const auto floats = [&](const char* name) { return map.arrays.at(name).to_floats(); };
  EXPECT_EQ(floats("whole").size(), 12U);
  EXPECT_THAT(floats("transposed"),
              ElementsAre(-3, -1, 1, -2.5, -0.5, 1.5, -2, 0, 2, -1.5, 0.5, 2.5));
  EXPECT_THAT(floats("column"), ElementsAre(-2, 0, 2));
  EXPECT_THAT(floats("row"), ElementsAre(-1, -0.5, 0, 0.5));
  EXPECT_THAT(floats("expanded"), ElementsAre(-0.5, -0.5, -0.5, -0.5, -0.5, -0.5));
  // As PyTorch prints it for strides (12, 1, 6, 2).
  EXPECT_THAT(floats("channels_last"),
              ElementsAre(-3, -2, -1, 0, 1, 2, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5));
}

INSTANTIATE_TEST_SUITE_P(All, PthStrided, testing::Values("zip_strided.pth", "legacy_strided.pth"));

TEST(Pth, ReadsWhatPyTorchWrites) {
  const ArrayMap zip = read_pth(fixture("torch_zip.pth"));
  EXPECT_EQ(zip.arrays.size(), 10U);
  const Array& weight = zip.arrays.at("0.weight");
  EXPECT_EQ(weight.shape, (Shape{3, 2, 3, 3}));
  for (int i = 0; i < 54; ++i) EXPECT_EQ(weight.to_floats()[static_cast<std::size_t>(i)], value(i));
  EXPECT_EQ(zip.arrays.at("1.num_batches_tracked").type, DType::kI64);
  EXPECT_THAT(zip.arrays.at("half").to_floats(), ElementsAre(-3, -2.5, -2, -1.5, -1, -0.5));
  EXPECT_EQ(zip.arrays.at("bfloat16").type, DType::kBF16);
  EXPECT_THAT(zip.arrays.at("transposed").to_floats(), ElementsAre(-3, -2, -1, -2.5, -1.5, -0.5));
  EXPECT_THAT(zip.arrays.at("parameter").to_floats(), ElementsAre(-2, -1.5, -1));

  const ArrayMap legacy = read_pth(fixture("torch_legacy.pth"));
  EXPECT_EQ(legacy.arrays, zip.arrays);
  EXPECT_THAT(legacy.metadata, UnorderedElementsAre(Pair("epoch", "1")));
}

TEST(Pth, ReadsViewsOfLegacyStorages) {
  const ArrayMap map = read_pth(fixture("legacy_view.pth"));
  EXPECT_THAT(map.arrays.at("view").to_floats(),
              ElementsAre(value(5), value(6), value(7), value(8)));
}

TEST(Pth, CheckpointStandsForItsWeights) {
  const ArrayMap map = read_pth(fixture("zip_checkpoint.pth"));
  EXPECT_THAT(map.arrays, UnorderedElementsAre(Key("conv.weight"), Key("bn.steps")));
  EXPECT_THAT(
      map.metadata,
      UnorderedElementsAre(
          Pair("epoch", "7"), Pair("lr", "0.25"), Pair("arch", "mobilenet"), Pair("done", "true")));
}

TEST(Pth, NestedNamesAreJoinedByDots) {
  const ArrayMap map = read_pth(fixture("legacy_nested.pth"));
  EXPECT_THAT(
      map.arrays,
      UnorderedElementsAre(Key("encoder.w"), Key("encoder.3"), Key("heads.0"), Key("heads.1")));
  EXPECT_THAT(map.metadata, UnorderedElementsAre(Pair("size.0", "1"), Pair("size.1", "2")));
}

TEST(Pth, ReadsOrderedDictsOfPython2) {
  EXPECT_THAT(read_pth(fixture("zip_python2.pth")).arrays.at("w").to_floats(),
              ElementsAre(-3, -2.5));
}

TEST(Pth, OtherGlobalsAreRefusedByName) {
  for (const char* name : {"bad_global.pth", "bad_global_legacy.pth"}) {
    EXPECT_THAT(error_of(name), AllOf(HasSubstr("'shop.sell_everything'"), HasSubstr("not run")));
  }
  EXPECT_THAT(error_of("bad_complex.pth"), HasSubstr("'torch.ComplexFloatStorage'"));
}

TEST(Pth, BigEndianIsRefused) {
  EXPECT_THAT(error_of("bad_byteorder.pth"), HasSubstr("big-endian"));
  EXPECT_THAT(error_of("bad_byteorder_legacy.pth"), HasSubstr("big-endian"));
}

TEST(Pth, TorchScriptIsRefused) {
  EXPECT_THAT(error_of("bad_torchscript.pth"), HasSubstr("TorchScript archive"));
}

TEST(Pth, TensorsOutsideTheirStorageAreRefused) {
  EXPECT_THAT(error_of("bad_reach.pth"), HasSubstr("'w' of shape [2, 2] reaches outside"));
}

TEST(Pth, HostileFilesEndEarly) {
  EXPECT_THAT(error_of("bad_expanded.pth"), HasSubstr("unfold to more than"));
  EXPECT_THAT(error_of("bad_circle.pth"), HasSubstr("nested more than"));
  EXPECT_THAT(error_of("bad_laughs.pth"), HasSubstr("unfold to more than"));
}

TEST(Pth, EveryTruncationIsRefused) {
  for (const char* name : {"legacy_protocol2.pth", "zip_protocol2.pth"}) {
    const auto bytes = core::read_binary_file(fixture(name));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_THROW(parse_pth(std::span(bytes).first(size), "x"), core::Error)
          << name << " " << size;
    }
  }
}

}  // namespace
}  // namespace parsimony::weights
