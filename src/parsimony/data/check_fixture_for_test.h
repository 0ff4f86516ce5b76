// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/data/check.h"
#include "parsimony/data/fixtures_for_test.h"

namespace parsimony::data::testing {

inline CheckReport check(const std::filesystem::path& root, int threads = 2) {
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  return check_dataset(root, core::Context{log, progress, stop, threads});
}

// Matches a finding of this kind, severity and file whose detail holds every one of `texts`.
MATCHER_P4(Reports, kind, severity, file, texts, "") {
  if (name_of(arg.kind) != std::string_view(kind) || arg.severity != severity || arg.file != file)
    return false;
  for (const std::string& text : texts) {
    if (arg.detail.find(text) == std::string::npos) {
      *result_listener << "whose detail is '" << arg.detail << "'";
      return false;
    }
  }
  return !arg.remedy.empty();
}

using Texts = std::vector<std::string>;

// A faultless set that each test damages in one way.
class Check : public ::testing::Test {
 protected:
  Check() { make_folder_set(root()); }
  const std::filesystem::path& root() const { return folder_.path(); }
  std::filesystem::path label(const std::string& id) const {
    return root() / "labels" / (id + ".png");
  }
  std::filesystem::path image(const std::string& id) const {
    return root() / "images" / (id + ".png");
  }

  void expect(const char* kind, Severity severity, const char* file, const Texts& texts) const {
    const CheckReport report = check(root());
    EXPECT_THAT(report.findings,
                ::testing::Contains(Reports(kind, severity, std::string(file), texts)))
        << to_text(report);
    EXPECT_EQ(report.ok(), severity == Severity::kNote);
  }
  // Duplicate pictures are warnings that only a strict check fails on.
  void expect_duplicate(const char* kind, const char* file, const Texts& texts) const {
    CheckReport report = check(root());
    EXPECT_THAT(report.findings,
                ::testing::ElementsAre(Reports(kind, Severity::kWarning, std::string(file), texts)))
        << to_text(report);
    EXPECT_TRUE(report.ok());
    report.strict = true;
    EXPECT_FALSE(report.ok());
  }
  void expect_error(const char* kind, const char* file, const Texts& texts) const {
    expect(kind, Severity::kError, file, texts);
  }

 private:
  core::TemporaryFolder folder_;
};

}  // namespace parsimony::data::testing
