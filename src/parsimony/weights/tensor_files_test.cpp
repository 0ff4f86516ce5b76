// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/tensor_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::weights {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

Bytes fixture(const std::string& name) {
  return core::read_binary_file("tests/fixtures/weights/" + name);
}

Bytes small_safetensors() {
  ArrayMap map;
  map.arrays["a.weight"] = Array::from_floats({2, 2}, std::vector<float>{1, 2, 3, 4});
  map.arrays["b"] = {DType::kI8, {3}, {1, 2, 3}};
  map.metadata["format"] = "pt";
  return format_safetensors(map, "x");
}

std::string error_of(const std::string& content) {
  try {
    parse_weights(Bytes(content.begin(), content.end()), "x.bin");
  } catch (const core::Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(ReadWeights, ContentDecidesNotTheExtension) {
  const core::TemporaryFolder folder;
  const auto write = [&](const char* name, const Bytes& bytes) {
    core::write_file_atomic(folder.path() / name, std::span<const std::uint8_t>(bytes));
    return folder.path() / name;
  };
  EXPECT_EQ(read_weights(write("a.pth", small_safetensors())).arrays.size(), 2U);
  EXPECT_EQ(read_weights(write("b.safetensors", fixture("torch_zip.pth"))).arrays.size(), 10U);
  EXPECT_EQ(read_weights(write("c", fixture("torch_legacy.pth"))).arrays.size(), 10U);
}

TEST(ReadWeights, HeaderLengthThatLooksLikeAPickleIsNoPickle) {
  // 0x0280 as a length begins with the two bytes of a protocol 2 pickle.
  ArrayMap map;
  map.arrays["w"] = Array::from_floats({1}, std::vector<float>{1});
  map.metadata["filler"] = std::string(0x0280 - 88, 'x');
  const Bytes bytes = format_safetensors(map, "x");
  ASSERT_EQ(bytes[0], 0x80);
  ASSERT_EQ(bytes[1], 0x02);
  EXPECT_EQ(parse_weights(bytes, "x"), map);
}

TEST(ReadWeights, OtherFilesAreRefusedWithWhatTheyBeginWith) {
  EXPECT_THAT(error_of("<!DOCTYPE html><html>"),
              AllOf(HasSubstr("x.bin"), HasSubstr("'<!DOCTYPE html><'"), HasSubstr("error page")));
  EXPECT_THAT(error_of(std::string("\x1b[31m\n")), HasSubstr("'?[31m?'"));
  EXPECT_THAT(error_of(""), HasSubstr("begins with ''"));
}

// Whatever the bytes, reading gives weights or a core::Error: never another exception, a crash or
// (with sanitizers) a forbidden access.
class ReadWeightsFuzz : public testing::TestWithParam<const char*> {
 protected:
  static Bytes original() {
    const std::string name = GetParam();
    return name == "safetensors" ? small_safetensors() : fixture(name);
  }

  static void mutate(Bytes& bytes, core::Rng& rng) {
    static const std::vector<std::uint8_t> kTelling{0x00,
                                                    0x01,
                                                    0x7f,
                                                    0x80,
                                                    0xff,
                                                    '(',
                                                    '.',
                                                    'R',
                                                    'Q',
                                                    'b',
                                                    't',
                                                    'h',
                                                    'q',
                                                    '}',
                                                    '9',
                                                    '-',
                                                    ']',
                                                    '{'};
    const auto at = [&] {
      return static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(bytes.size())));
    };
    const auto telling = [&] {
      return kTelling[static_cast<std::size_t>(
          rng.below(static_cast<std::int64_t>(kTelling.size())))];
    };
    switch (rng.below(6)) {
      case 0:
        bytes[at()] ^= static_cast<std::uint8_t>(1U << rng.below(8));
        break;
      case 1:
        bytes[at()] = static_cast<std::uint8_t>(rng.below(256));
        break;
      case 2:
        bytes[at()] = telling();
        break;
      case 3:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at()), telling());
        break;
      case 4:
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at()));
        break;
      default: {
        // A piece of the file over another: valid words in wrong places.
        const std::size_t from = at();
        const std::size_t to = at();
        const std::size_t room = bytes.size() - std::max(from, to);
        const std::size_t count = std::min<std::size_t>(room, 1 + at() % 16);
        std::copy_n(Bytes(bytes).begin() + static_cast<std::ptrdiff_t>(from),
                    count,
                    bytes.begin() + static_cast<std::ptrdiff_t>(to));
      }
    }
  }
};

TEST_P(ReadWeightsFuzz, OnlyOurErrorsEscape) {
  constexpr int kMutants = 3000;
  const Bytes start = original();
  ASSERT_NO_THROW(parse_weights(start, "original"));
  int refused = 0;
  for (int i = 0; i < kMutants; ++i) {
    core::Rng rng = core::Rng(20240).split(GetParam()).split(static_cast<std::uint64_t>(i));
    Bytes bytes = start;
    const std::int64_t mutations = 1 + rng.below(4);
    for (std::int64_t m = 0; m < mutations; ++m) mutate(bytes, rng);
    try {
      parse_weights(bytes, "mutant");
    } catch (const core::Error& e) {
      EXPECT_EQ(e.kind(), core::ErrorKind::kUser) << "mutant " << i << ": " << e.what();
      ++refused;
    } catch (const std::exception& e) {
      ADD_FAILURE() << "mutant " << i << ": " << e.what();
    }
  }
  EXPECT_GT(refused, kMutants / 10);  // the mutations do reach what is checked
}

INSTANTIATE_TEST_SUITE_P(All,
                         ReadWeightsFuzz,
                         testing::Values("safetensors",
                                         "torch_zip.pth",
                                         "torch_legacy.pth",
                                         "zip_deflated.pth",
                                         "legacy_protocol4.pth",
                                         "legacy_strided.pth",
                                         "legacy_nested.pth"),
                         [](const auto& row) {
                           const std::string name = row.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace parsimony::weights
