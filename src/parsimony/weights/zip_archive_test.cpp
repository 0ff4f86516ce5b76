// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"

namespace parsimony::weights {
namespace {

using testing::HasSubstr;

std::vector<std::uint8_t> fixture(const std::string& name) {
  return core::read_binary_file("tests/fixtures/weights/" + name);
}

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const core::Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(ZipArchive, StoredAndDeflatedEntriesAreTheSame) {
  const auto stored_bytes = fixture("zip_protocol2.pth");
  const auto deflated_bytes = fixture("zip_deflated.pth");
  MemoryBudget budget(stored_bytes.size(), "x");
  ZipArchive stored(stored_bytes, "stored", budget);
  ZipArchive deflated(deflated_bytes, "deflated", budget);
  EXPECT_EQ(stored.names(), deflated.names());
  EXPECT_EQ(stored.names().size(), 16U);
  for (const std::string& name : stored.names()) {
    EXPECT_EQ(text_of(stored.read(name)), text_of(deflated.read(name))) << name;
  }
  EXPECT_EQ(text_of(stored.read("archive/version")), "3\n");
}

TEST(ZipArchive, DamageIsNoticedByTheChecksum) {
  auto bytes = fixture("zip_protocol2.pth");
  const std::string name = "archive/version";
  const auto at = std::search(bytes.begin(), bytes.end(), name.begin(), name.end());
  ASSERT_NE(at, bytes.end());
  at[static_cast<std::ptrdiff_t>(name.size()) + 9] = '4';  // behind the 9 bytes of padding
  MemoryBudget budget(bytes.size(), "x");
  ZipArchive archive(bytes, "x.pth", budget);
  EXPECT_THAT(error_of([&] { archive.read(name); }), HasSubstr("'archive/version' has checksum"));
}

TEST(ZipArchive, MissingEntryIsNamed) {
  const auto bytes = fixture("zip_protocol2.pth");
  MemoryBudget budget(bytes.size(), "x");
  ZipArchive archive(bytes, "x.pth", budget);
  EXPECT_THAT(error_of([&] { archive.read("archive/data/99"); }),
              HasSubstr("x.pth: has no entry 'archive/data/99'"));
}

TEST(ZipArchive, CommentAtTheEndIsSkipped) {
  auto bytes = fixture("zip_protocol2.pth");
  const std::string comment(300, 'c');
  bytes.insert(bytes.end(), comment.begin(), comment.end());
  MemoryBudget budget(bytes.size(), "x");
  EXPECT_EQ(ZipArchive(bytes, "x.pth", budget).names().size(), 16U);
}

TEST(ZipArchive, BombIsRefusedBeforeItUnfolds) {
  const auto bytes = fixture("zip_deflated.pth");
  MemoryBudget none(0, "x.pth");
  none.spend(256U << 20U);
  ZipArchive archive(bytes, "x.pth", none);
  EXPECT_THAT(error_of([&] { archive.read("archive/data.pkl"); }),
              HasSubstr("unfold to more than"));
}

}  // namespace
}  // namespace parsimony::weights
