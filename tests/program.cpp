// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace parsimony {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStudy = R"(
name: tiny
seed: 3
data: {synth: {train: 24, val: 8, test: 8, width: 64, height: 64}}
encoder: {name: small}
decoder: {width: 8, auxiliary_cells: false}
start:
  training: {epochs: 3, batch: 8, validate_every: 3, augment: {crop: 64, shorter_side: 64}}
candidate:
  stage0: {samples: 32, epochs: 1, validate_every: 1, batch: 8, augment: {crop: 64, shorter_side: 64}}
  stage1: {epochs: 0}
search: {method: ppo, ppo: {capacity: 8}}
budget: {trials: 10, workers: 1}
final:
  count: 2
  width: 8
  repeats: 1
  samples: 2
  training: {epochs: 2, batch: 8, validate_every: 1, augment: {crop: 64, shorter_side: 64}}
)";

}  // namespace

pid_t start(const std::vector<std::string>& arguments, const fs::path& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> argv = {const_cast<char*>(PARSIMONY_PROGRAM)};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    if (!std::freopen((folder / "out").c_str(), "w", stdout) ||
        !std::freopen((folder / "err").c_str(), "w", stderr))
      ::_exit(99);
    ::execv(PARSIMONY_PROGRAM, argv.data());
    ::_exit(98);
  }
  return child;
}

Answer parsimony(const std::vector<std::string>& arguments) {
  const core::TemporaryFolder folder;
  const pid_t child = start(arguments, folder.path());
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
          core::read_text_file(folder.path() / "out"),
          core::read_text_file(folder.path() / "err")};
}

std::vector<study::Trial> trials_of(const std::string& folder) {
  std::vector<study::Trial> trials = study::open_sqlite_store(folder + "/study.db")->trials();
  for (study::Trial& trial : trials) {
    trial.attempt = 0;
    trial.worker.clear();
    trial.started = trial.seconds = trial.lease_until = 0;
  }
  return trials;
}

void StudyTest::SetUp() {
  core::write_file_atomic(file("study.yaml"), std::string(kStudy));
  // Trained networks are kept there: tests must not find those of other runs.
  ::setenv("PARSIMONY_CACHE", file("cache").c_str(), 1);
}

Answer StudyTest::search(const std::string& out, const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = {
      "search", file("study.yaml"), "--out", file(out), "--threads", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return parsimony(arguments);
}

Answer StudyTest::synth(const std::string& out, const std::vector<std::string>& settings) const {
  std::vector<std::string> all = {"train=24", "val=8", "test=8", "width=64", "height=64"};
  all.insert(all.end(), settings.begin(), settings.end());
  std::vector<std::string> arguments = {"synth", file(out)};
  for (const std::string& setting : all) arguments.insert(arguments.end(), {"--set", setting});
  return parsimony(arguments);
}

}  // namespace parsimony
