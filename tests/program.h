// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/core/files.h"
#include "parsimony/study/store.h"

namespace parsimony {

struct Answer {
  int code = -1;
  std::string out, err;
};

// Starts the program with standard output and error in the files `out` and `err` of the folder.
pid_t start(const std::vector<std::string>& arguments, const std::filesystem::path& folder);

// Runs it to its end.
Answer parsimony(const std::vector<std::string>& arguments);

// The trials of a study, without what differs from run to run.
std::vector<study::Trial> trials_of(const std::string& folder);

// A folder with a small study on synthetic portraits, `study.yaml`, of which everything is made:
// ten candidates, two final networks.
class StudyTest : public ::testing::Test {
 protected:
  void SetUp() override;
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  Answer search(const std::string& out, const std::vector<std::string>& more = {}) const;
  // The pictures of such a study as a data set in the folder; `settings` ("scene=rooms") come last.
  Answer synth(const std::string& out, const std::vector<std::string>& settings = {}) const;

 private:
  core::TemporaryFolder folder_;
};

}  // namespace parsimony
