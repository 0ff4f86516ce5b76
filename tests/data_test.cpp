// SPDX-License-Identifier: Apache-2.0
// Checks of data sets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "parsimony/core/files.h"
#include "program.h"

namespace parsimony {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// Published sets have leaks; `check` shouts, and only a strict one fails.
TEST(CheckCommand, ALeakFailsOnlyAStrictCheck) {
  const core::TemporaryFolder folder;
  const fs::path set = folder.path() / "set";
  ASSERT_EQ(parsimony({"synth",
                       set,
                       "--set",
                       "train=4",
                       "--set",
                       "val=2",
                       "--set",
                       "test=2",
                       "--set",
                       "width=64",
                       "--set",
                       "height=64"})
                .code,
            0);
  const auto picture = [&set](const std::string& list) {
    const std::string ids = core::read_text_file(set / list);
    for (const char* extension : {".jpg", ".png"}) {
      const fs::path file = set / "images" / (ids.substr(0, ids.find('\n')) + extension);
      if (fs::exists(file)) return file;
    }
    throw std::logic_error("no picture");
  };
  fs::copy_file(picture("train.txt"), picture("test.txt"), fs::copy_options::overwrite_existing);

  const Answer answer = parsimony({"check", set});
  EXPECT_EQ(answer.code, 0) << answer.out;
  EXPECT_THAT(answer.out, HasSubstr("warning: duplicate-across-splits (1)"));
  EXPECT_THAT(answer.out, HasSubstr("images/" + picture("train.txt").filename().string()));
  EXPECT_THAT(answer.out, HasSubstr("images/" + picture("test.txt").filename().string()));
  EXPECT_THAT(answer.out, HasSubstr("WARNING: 1 pictures are in two splits"));
  EXPECT_EQ(parsimony({"check", set, "--strict"}).code, 1);
  EXPECT_EQ(Json::parse(parsimony({"check", set, "--strict", "--json"}).out)["ok"], false);
}

}  // namespace
}  // namespace parsimony
