// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/weights/known_files.h"

namespace parsimony::weights {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

// Sets the three variables that choose the cache, and gives the old ones back.
class CacheTest : public testing::Test {
 protected:
  CacheTest() {
    for (const char* name : {"PARSIMONY_CACHE", "XDG_CACHE_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      if (value != nullptr) before_[name] = value;
      ::unsetenv(name);
    }
  }
  ~CacheTest() override {
    for (const char* name : {"PARSIMONY_CACHE", "XDG_CACHE_HOME", "HOME"}) {
      before_.contains(name) ? ::setenv(name, before_[name].c_str(), 1) : ::unsetenv(name);
    }
  }

  static std::string resolve_error(const std::string& text) {
    try {
      resolve(text);
    } catch (const core::Error& e) {
      return e.what();
    }
    return "no error";
  }

  std::map<std::string, std::string> before_;
};

TEST_F(CacheTest, FolderFollowsTheEnvironment) {
  EXPECT_THROW(cache_folder(), core::Error);
  ::setenv("HOME", "/h", 1);
  EXPECT_EQ(cache_folder(), "/h/.cache/parsimony");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(cache_folder(), "/h/.cache/parsimony");
  ::setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(cache_folder(), "/x/parsimony");
  ::setenv("PARSIMONY_CACHE", "/p", 1);
  EXPECT_EQ(cache_folder(), "/p");
}

TEST_F(CacheTest, KnownFilesKeepTheirNameOthersAreToldApart) {
  ::setenv("PARSIMONY_CACHE", "/p", 1);
  EXPECT_EQ(cache_path(find_known_file("mobilenet_v2_torchvision_v1")->url),
            "/p/weights/mobilenet_v2-b0353104.pth");
  const auto a = cache_path("http://a/model.pth");
  const auto b = cache_path("http://b/model.pth");
  EXPECT_NE(a, b);
  EXPECT_THAT(a.string(), EndsWith("-model.pth"));
}

TEST_F(CacheTest, ResolveFindsPathsAndCachedNames) {
  const core::TemporaryFolder folder;
  ::setenv("PARSIMONY_CACHE", folder.path().c_str(), 1);
  const auto own = folder.path() / "own.pth";
  core::write_file_atomic(own, "x");
  EXPECT_EQ(resolve(own.string()), own);

  EXPECT_EQ(find_cached("mobilenet_v2_torchvision_v1"), std::nullopt);
  EXPECT_THAT(resolve_error("mobilenet_v2_torchvision_v1"),
              HasSubstr("run 'parsimony weights fetch mobilenet_v2_torchvision_v1'"));
  const auto cached = folder.path() / "weights" / "mobilenet_v2-b0353104.pth";
  core::write_file_atomic(cached, "x");
  EXPECT_EQ(find_cached("mobilenet_v2_torchvision_v1"), cached);
  EXPECT_EQ(resolve("mobilenet_v2_torchvision_v1"), cached);
}

TEST_F(CacheTest, ResolveSuggestsNearNames) {
  ::setenv("PARSIMONY_CACHE", "/p", 1);
  EXPECT_THAT(resolve_error("mobilenet_v2_torchvision"),
              AllOf(HasSubstr("'mobilenet_v2_torchvision'"),
                    HasSubstr("did you mean 'mobilenet_v2_torchvision_v")));
  EXPECT_EQ(find_cached("nothing"), std::nullopt);
}

TEST(KnownFiles, RowsAreCompleteAndDistinct) {
  std::set<std::string_view> names;
  for (const KnownFile& file : known_files()) {
    SCOPED_TRACE(file.name);
    EXPECT_TRUE(names.insert(file.name).second);
    EXPECT_TRUE(file.url.starts_with("https://"));
    EXPECT_TRUE(file.sha256.empty() || file.sha256.size() >= 8);
    EXPECT_EQ(file.sha256.find_first_not_of("0123456789abcdef"), std::string_view::npos);
    EXPECT_THAT(std::string(file.url), HasSubstr(std::string(file.sha256)));
    EXPECT_FALSE(file.licence.empty());
    EXPECT_FALSE(file.what.empty());
    EXPECT_EQ(find_known_file(file.name), &file);
  }
  for (const char* name :
       {"mobilenet_v2_torchvision_v1", "mobilenet_v2_torchvision_v2", "mobilenetv2_100_timm"}) {
    EXPECT_NE(find_known_file(name), nullptr) << name;
  }
}

TEST(KnownFiles, FileNamesAreTakenFromUrls) {
  EXPECT_EQ(file_name_of("https://h/a/b.pth?dl=1#x"), "b.pth");
  EXPECT_EQ(file_name_of("https://h/a%20b.pth"), "a_20b.pth");
  EXPECT_EQ(file_name_of("https://h/"), "download");
  EXPECT_EQ(file_name_of("https://h"), "download");
  EXPECT_EQ(file_name_of("https://h/.."), "download");
}

}  // namespace
}  // namespace parsimony::weights
