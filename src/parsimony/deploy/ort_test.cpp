// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/ort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <functional>
#include <numeric>
#include <optional>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/deploy/onnx_export.h"
#include "parsimony/deploy/testing/ort_or_skip.h"

namespace parsimony::deploy {
namespace {

using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& action, ErrorKind kind) {
  try {
    action();
    return "no error";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
}

// A network that gives its picture back.
class Ort : public testing::NeedsOrt {
 protected:
  Ort() {
    graph::Graph g;
    g.outputs.push_back(
        {"logits", g.add(graph::Input{3, 1}, {}, graph::Section::kDecoder, "picture")});
    export_onnx(g, {}, {{.height = 2, .width = 4}, {}}, model_);
  }

  static RuntimeArray picture() {
    RuntimeArray array{{1, 3, 2, 4}, std::vector<float>(24)};
    std::iota(array.values.begin(), array.values.end(), 0.0F);
    return array;
  }

  const core::TemporaryFolder folder_;
  const std::filesystem::path model_ = folder_.path() / "it's a model.onnx";
};

TEST_F(Ort, DescribesTheNetwork) {
  const OrtSession session(model_);
  EXPECT_EQ(session.input().name, "picture");
  EXPECT_EQ(session.input().type, "float32");
  EXPECT_THAT(session.input().shape, ElementsAre(1, 3, 2, 4));
  ASSERT_EQ(session.outputs().size(), 1U);
  EXPECT_EQ(session.outputs()[0].name, "logits");
  EXPECT_THAT(session.outputs()[0].shape, ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(session.runtime(), HasSubstr("ONNX Runtime 1."));
}

TEST_F(Ort, RunsAgainAndAgainInOneProcess) {
  OrtSession session(model_, {.threads = 2});
  for (int i = 0; i < 20; ++i) {
    RuntimeArray x = picture();
    x.values[0] = static_cast<float>(i);
    const OrtRun run = session.run(x);
    EXPECT_EQ(run.outputs.at("logits").values, x.values);
    EXPECT_EQ(run.outputs.at("logits").shape, x.shape);
    EXPECT_GT(run.seconds, 0);
    EXPECT_LT(run.seconds, 60);
  }
}

TEST_F(Ort, MovesLargePictures) {
  graph::Graph g;
  g.outputs.push_back(
      {"logits", g.add(graph::Input{3, 1}, {}, graph::Section::kDecoder, "picture")});
  export_onnx(g, {}, {{.height = 1024, .width = 2048}, {}}, model_);
  RuntimeArray x{{1, 3, 1024, 2048}, std::vector<float>(3 * 1024 * 2048)};
  std::iota(x.values.begin(), x.values.end(), 0.0F);
  EXPECT_EQ(run_onnx(model_, x).values, x.values);
}

TEST_F(Ort, TwoSessionsLiveSideBySide) {
  OrtSession first(model_);
  {
    OrtSession second(model_);
    EXPECT_NE(first.process_id(), second.process_id());
    second.run(picture());
  }
  EXPECT_EQ(first.run(picture()).outputs.at("logits").values, picture().values);
}

TEST_F(Ort, MissingFile) {
  EXPECT_THAT(error_of([&] { OrtSession(folder_.path() / "none.onnx"); }, ErrorKind::kUser),
              HasSubstr("none.onnx: there is no such file"));
}

TEST_F(Ort, CorruptFile) {
  const std::filesystem::path file = folder_.path() / "broken.onnx";
  core::write_file_atomic(file, std::string_view("this is no protobuf"));
  EXPECT_THAT(error_of([&] { OrtSession{file}; }, ErrorKind::kUser),
              HasSubstr("broken.onnx: ONNX Runtime: "));
  // Cut off in the middle.
  const std::string whole = core::read_text_file(model_);
  core::write_file_atomic(file, std::string_view(whole).substr(0, whole.size() / 2));
  EXPECT_THAT(error_of([&] { OrtSession{file}; }, ErrorKind::kUser),
              HasSubstr("broken.onnx: ONNX Runtime: "));
}

TEST_F(Ort, WrongInputSize) {
  OrtSession session(model_);
  EXPECT_THAT(error_of(
                  [&] {
                    session.run({{1, 3, 2, 2}, std::vector<float>(12)});
                  },
                  ErrorKind::kUser),
              HasSubstr("the input 'picture' has shape [1, 3, 2, 4], found [1, 3, 2, 2]"));
  EXPECT_THAT(error_of(
                  [&] {
                    session.run({{1, 3, 2, 4}, std::vector<float>(12)});
                  },
                  ErrorKind::kInternal),
              HasSubstr("[1, 3, 2, 4] with 12 values"));
  EXPECT_EQ(session.run(picture()).outputs.size(), 1U);
}

TEST_F(Ort, KilledProcess) {
  OrtSession session(model_);
  session.run(picture());
  ::kill(session.process_id(), SIGKILL);
  EXPECT_THAT(error_of([&] { session.run(picture()); }, ErrorKind::kInternal),
              HasSubstr("was ended by signal 9"));
  EXPECT_THAT(error_of([&] { session.run(picture()); }, ErrorKind::kInternal),
              HasSubstr("after it had ended"));
}

TEST_F(Ort, HangingProcessIsGivenUp) {
  OrtSession session(model_, {.run_seconds = 0.2});
  ::kill(session.process_id(), SIGSTOP);
  EXPECT_THAT(error_of([&] { session.run(picture()); }, ErrorKind::kInternal),
              HasSubstr("did not answer in time"));
}

// The environment is restored at the end of the scope.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST_F(Ort, LastWordsOfABrokenInstallation) {
  const std::filesystem::path ort = folder_.path() / "ort";
  core::write_file_atomic(
      ort / "serve.mjs", std::string_view("throw new Error('libonnxruntime is not what it was');"));
  core::write_file_atomic(ort / "node_modules/onnxruntime-node/package.json",
                          std::string_view("{}"));
  const Environment chosen("PARSIMONY_ORT", ort.string());
  EXPECT_THAT(error_of([&] { OrtSession{model_}; }, ErrorKind::kInternal),
              ::testing::AllOf(HasSubstr("ended with exit code 1"),
                               HasSubstr("libonnxruntime is not what it was")));
}

TEST(OrtAvailability, SaysWhatIsMissing) {
  const core::TemporaryFolder folder;
  {
    const Environment nowhere("PATH", folder.path().string());
    EXPECT_FALSE(OrtSession::available());
    EXPECT_THAT(OrtSession::unavailable_reason(), HasSubstr("no 'node' in PATH"));
  }
  core::write_file_atomic(folder.path() / "node", std::string_view("#!/bin/sh\n"));
  std::filesystem::permissions(folder.path() / "node", std::filesystem::perms::owner_all);
  const Environment path("PATH", folder.path().string());
  const Environment chosen("PARSIMONY_ORT", folder.path().string());
  EXPECT_THAT(OrtSession::unavailable_reason(),
              HasSubstr("set PARSIMONY_ORT to the folder tools/ort"));
  core::write_file_atomic(folder.path() / "serve.mjs", std::string_view(""));
  EXPECT_THAT(OrtSession::unavailable_reason(),
              HasSubstr("npm ci --ignore-scripts --prefix " + folder.path().string()));
  EXPECT_THAT(error_of([] { OrtSession("model.onnx"); }, ErrorKind::kUser), HasSubstr("npm ci"));
}

}  // namespace
}  // namespace parsimony::deploy
