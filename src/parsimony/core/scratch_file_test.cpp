// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/scratch_file.h"

#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"

namespace parsimony::core {
namespace {

TEST(ScratchFile, HoldsWhatIsWrittenAndLeavesNoFile) {
  const TemporaryFolder folder;
  {
    const ScratchFile scratch(folder.path() / "cache", 3'000'001);
    auto* bytes = static_cast<char*>(scratch.data());
    EXPECT_EQ(bytes[0], 0);
    EXPECT_EQ(bytes[3'000'000], 0);
    bytes[3'000'000] = 7;
    EXPECT_EQ(bytes[3'000'000], 7);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "cache"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "cache"));
}

TEST(ScratchFile, ADiskThatIsTooSmallIsAUserError) {
  const TemporaryFolder folder;
  try {
    const ScratchFile scratch(folder.path(), std::size_t{1} << 55);
    FAIL() << "32 PiB were found";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUser);
    EXPECT_NE(std::string(error.what()).find("32.0 PiB"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(folder.path().string()), std::string::npos);
  }
}

}  // namespace
}  // namespace parsimony::core
