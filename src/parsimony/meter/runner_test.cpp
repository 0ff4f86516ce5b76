// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/core/text.h"
#include "parsimony/deploy/child_process.h"
#include "parsimony/latency/profile.h"
#include "parsimony/meter/command.h"
#include "parsimony/meter/device_server_for_test.h"
#include "parsimony/meter/networks_for_test.h"

namespace parsimony::meter {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kAnswer =
    R"({"median_ms": 0.5, "quartiles_ms": [0.4, 0.6], "min_ms": 0.3, "repetitions": 50, "later": 1,
        "conditions": {"device": "Board 5", "runtime": "ONNX Runtime 1.16.3", "threads": 2,
                       "warm_up": 5, "precision": "fp32", "fan": true}})";

// Runners as shell scripts in a folder of their own.
class RunnerTest : public testing::Test {
 protected:
  fs::path file(const std::string& name) const { return folder_.path() / name; }

  // A runner that is `sh SCRIPT MODEL FOLDER`.
  RunnerOptions shell(const std::string& script) const {
    core::write_file_atomic(file("runner.sh"), script);
    core::write_file_atomic(file("answer.json"), std::string(kAnswer));
    return {.name = "board",
            .command = {"sh", file("runner.sh"), "{model}", folder_.path()},
            .url = "",
            .timeout_s = 20,
            .retries = 0,
            .backoff_s = 0.01,
            .profile = ""};
  }
  RunnerOptions web(const std::string& url) const {
    RunnerOptions options = shell("");
    options.command.clear();
    options.url = url;
    return options;
  }
  Reading measure(const RunnerOptions& options) {
    return make_runner(options)->measure(subject_, test_.context);
  }
  // How often a script has written a line to FOLDER/tries.
  int tries() const {
    if (!fs::exists(file("tries"))) return 0;
    const std::string text = core::read_text_file(file("tries"));
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  core::TemporaryFolder folder_;
  TestContext test_;
  Subject subject_ = small_subject();
};

TEST_F(RunnerTest, MeasuresThroughACommand) {
  // The file is there, and is the network.
  const Reading reading = measure(shell("test $(wc -c < \"$1\") -gt 500 && cat $2/answer.json"));
  ASSERT_EQ(reading.end, ReadingEnd::kMeasured) << reading.reason;
  const Measurement& got = reading.measurement;
  EXPECT_EQ(got.meter, "runner:board");
  EXPECT_DOUBLE_EQ(got.median, 0.5);
  EXPECT_DOUBLE_EQ(got.first_quartile, 0.4);
  EXPECT_DOUBLE_EQ(got.third_quartile, 0.6);
  EXPECT_DOUBLE_EQ(got.min, 0.3);
  EXPECT_EQ(got.repetitions, 50);
  EXPECT_FALSE(got.estimated);
  EXPECT_EQ(got.conditions.device, "Board 5");
  EXPECT_EQ(got.conditions.runtime, "ONNX Runtime 1.16.3");
  EXPECT_EQ(got.conditions.threads, 2);
  EXPECT_EQ(got.conditions.warm_up, 5);
  EXPECT_THAT(got.conditions.input, testing::ElementsAre(3, 32, 48));
}

TEST_F(RunnerTest, KillsARunnerThatHangsWithAllItStarted) {
  RunnerOptions options = shell("sleep 1000 & echo $! > $2/child; echo stuck >&2; wait");
  options.timeout_s = 0.5;
  const Reading reading = measure(options);
  EXPECT_EQ(reading.end, ReadingEnd::kFailed);
  EXPECT_THAT(reading.reason, AllOf(HasSubstr("did not answer within 0.5 s"), HasSubstr("stuck")));
  const int child = std::stoi(core::read_text_file(file("child")));
  // Whoever inherits it may take a moment to bury it.
  for (int i = 0; i < 200 && ::kill(child, 0) == 0; ++i) {
    const std::string stat = fmt::format("/proc/{}/stat", child);
    if (fs::exists(stat) && core::read_text_file(stat).find(") Z") != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_LT(i, 199) << "the runner's child lives";
  }
}

TEST_F(RunnerTest, DoesNotWaitForWhatARunnerLeftBehind) {
  const Reading reading = measure(shell("sleep 1000 & cat $2/answer.json"));
  EXPECT_EQ(reading.end, ReadingEnd::kMeasured) << reading.reason;
}

TEST_F(RunnerTest, SaysHowARunnerDied) {
  const Reading code = measure(shell("echo 'no such board' >&2; exit 3"));
  EXPECT_EQ(code.end, ReadingEnd::kFailed);
  EXPECT_THAT(code.reason, AllOf(HasSubstr("exit code 3"), HasSubstr("no such board")));
  EXPECT_THAT(measure(shell("kill -SEGV $$")).reason, HasSubstr("signal 11"));
  RunnerOptions missing = shell("");
  missing.command[0] = "no-such-program-at-all";
  missing.retries = 5;
  missing.backoff_s = 3600;  // not waited for
  EXPECT_THAT(measure(missing).reason, HasSubstr("'no-such-program-at-all' cannot be started"));
  EXPECT_THAT(measure(shell("yes")).reason, HasSubstr("more than a megabyte"));
}

TEST_F(RunnerTest, TriesAgainWhatMayPass) {
  RunnerOptions options =
      shell("echo x >> $2/tries; test $(wc -l < $2/tries) -ge 3 && cat $2/answer.json");
  options.retries = 1;
  EXPECT_EQ(measure(options).end, ReadingEnd::kFailed);
  EXPECT_EQ(tries(), 2);
  fs::remove(file("tries"));
  options.retries = 2;
  EXPECT_EQ(measure(options).end, ReadingEnd::kMeasured);
  EXPECT_EQ(tries(), 3);
  // Nonsense stays nonsense.
  RunnerOptions nonsense = shell("echo x >> $2/tries; echo hello");
  nonsense.retries = 5;
  fs::remove(file("tries"));
  EXPECT_THAT(measure(nonsense).reason, HasSubstr("found 'hello'"));
  EXPECT_EQ(tries(), 1);
}

TEST_F(RunnerTest, EstimatesWhenTheDeviceIsAway) {
  RunnerOptions options = shell("exit 1");
  options.profile = "pixel1";
  const Reading reading = measure(options);
  ASSERT_EQ(reading.end, ReadingEnd::kMeasured);
  EXPECT_TRUE(reading.measurement.estimated);
  EXPECT_EQ(reading.measurement.meter, "runner:board");
  EXPECT_EQ(reading.measurement.repetitions, 0);
  EXPECT_GT(reading.measurement.error, 0);
  EXPECT_THAT(reading.measurement.note, AllOf(HasSubstr("not measured"), HasSubstr("exit code 1")));
  EXPECT_DOUBLE_EQ(reading.measurement.median,
                   latency::estimate(latency::device_profile("pixel1"),
                                     latency::work_of(small_network(), {32, 48}))
                       .milliseconds);
  // A file alone has no layers to estimate.
  const Subject alone(subject_.onnx());
  EXPECT_EQ(make_runner(options)->measure(alone, test_.context).end, ReadingEnd::kFailed);
}

TEST_F(RunnerTest, IsStoppedWhileItMeasuresAndWhileItWaits) {
  for (const char* script : {"sleep 1000", "exit 1"}) {
    RunnerOptions options = shell(script);
    options.timeout_s = 1000;
    options.retries = 3;
    options.backoff_s = 1000;
    TestContext test;
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      test.stop.request();
    });
    EXPECT_EQ(make_runner(options)->measure(subject_, test.context).end, ReadingEnd::kStopped);
    stopper.join();
  }
}

TEST_F(RunnerTest, MeasuresOneNetworkAtATime) {
  // Fails when two of them run at once.
  const auto meter =
      make_runner(shell("mkdir $2/busy || exit 1; sleep 0.05; rmdir $2/busy; cat $2/answer.json"));
  std::vector<std::thread> threads;
  std::atomic<int> measured{0};
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const Reading reading = meter->measure(subject_, test_.context);
      if (reading.end == ReadingEnd::kMeasured) ++measured;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(measured, 6);
}

TEST_F(RunnerTest, MeasuresThroughAWebAddress) {
  const DeviceServer server([](const std::string&) {
    return DeviceServer::Reply{"200 OK", kAnswer};
  });
  const Reading reading = measure(web(server.url()));
  ASSERT_EQ(reading.end, ReadingEnd::kMeasured) << reading.reason;
  EXPECT_DOUBLE_EQ(reading.measurement.median, 0.5);
  const std::vector<std::uint8_t> sent = core::read_binary_file(subject_.onnx());
  ASSERT_EQ(server.posted().size(), 1u);
  EXPECT_EQ(server.posted()[0], std::string(sent.begin(), sent.end()));
}

TEST_F(RunnerTest, UnderstandsStatusesOfAWebAddress) {
  const auto try_status = [&](const std::string& status) {
    const DeviceServer server([&](const std::string&) {
      return DeviceServer::Reply{status, "the board is hot\nsecond line"};
    });
    RunnerOptions options = web(server.url());
    options.retries = 2;
    const Reading reading = measure(options);
    EXPECT_EQ(reading.end, ReadingEnd::kFailed);
    EXPECT_THAT(reading.reason, AllOf(HasSubstr(status.substr(0, 3)), HasSubstr("is hot")));
    return server.posted().size();
  };
  EXPECT_EQ(try_status("404 Not Found"), 1u);
  EXPECT_EQ(try_status("302 Found"), 1u);
  EXPECT_EQ(try_status("429 Too Many Requests"), 3u);
  EXPECT_EQ(try_status("503 Service Unavailable"), 3u);
}

TEST_F(RunnerTest, GivesUpOnAWebAddressThatIsSilentOrGone) {
  {
    const DeviceServer server([](const std::string&) {
      return DeviceServer::Reply{"200 OK", "", /*hang=*/true};
    });
    RunnerOptions options = web(server.url());
    options.timeout_s = 0.3;
    const Reading reading = measure(options);
    EXPECT_EQ(reading.end, ReadingEnd::kFailed);
    EXPECT_THAT(reading.reason, HasSubstr("timed out"));
  }
  std::string url;
  {
    const DeviceServer gone([](const std::string&) { return DeviceServer::Reply{}; });
    url = gone.url();
  }
  EXPECT_THAT(measure(web(url)).reason, HasSubstr(url));
}

// ---- tools/runner/parsimony_runner.py, with a stand-in for its runtime ----

constexpr const char* kRuntime = R"(
import time
__version__ = "9.9"
class SessionOptions: pass
class Port: name, shape = "picture", [1, 3, 32, 48]
class InferenceSession:
    def __init__(self, model, settings, providers):
        size = len(model if isinstance(model, bytes) else open(model, "rb").read())
        if size < 500: raise ValueError(f"{size} bytes are no network")
    def get_inputs(self): return [Port()]
    def run(self, outputs, feeds):
        assert feeds["picture"] == [1, 3, 32, 48]
        time.sleep(0.002)
)";
constexpr const char* kNumpy = R"(
float32 = "float32"
class random:
    def default_rng(seed): return random
    def random(shape, dtype): return shape
)";

class BoardRunnerTest : public RunnerTest {
 protected:
  void SetUp() override {
    if (!deploy::find_program("python3")) {
      std::cerr << "SKIPPED, tools/runner is NOT checked: there is no python3" << std::endl;
      GTEST_SKIP();
    }
    core::write_file_atomic(file("onnxruntime.py"), std::string(kRuntime));
    core::write_file_atomic(file("numpy.py"), std::string(kNumpy));
  }
  std::vector<std::string> runner(const std::vector<std::string>& arguments) const {
    std::vector<std::string> words = {"env",
                                      "PYTHONDONTWRITEBYTECODE=1",
                                      "PYTHONPATH=" + folder_.path().string(),
                                      "python3",
                                      "tools/runner/parsimony_runner.py",
                                      "--seconds=0.1",
                                      "--device=Board 5",
                                      "--threads=3"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
  }
  static void expect_board(const Reading& reading) {
    ASSERT_EQ(reading.end, ReadingEnd::kMeasured) << reading.reason;
    EXPECT_GE(reading.measurement.min, 2);
    EXPECT_GE(reading.measurement.repetitions, 6);
    EXPECT_EQ(reading.measurement.conditions.device, "Board 5");
    EXPECT_EQ(reading.measurement.conditions.runtime, "ONNX Runtime 9.9");
    EXPECT_EQ(reading.measurement.conditions.threads, 3);
    EXPECT_GE(reading.measurement.conditions.warm_up, 3);
  }
};

TEST_F(BoardRunnerTest, AnswersAsACommand) {
  RunnerOptions options = shell("");
  options.command = runner({"{model}"});
  expect_board(measure(options));
}

TEST_F(BoardRunnerTest, AnswersAsAServer) {
  std::string url;
  {
    const DeviceServer gone([](const std::string&) { return DeviceServer::Reply{}; });
    url = gone.url();
  }
  const std::string port = url.substr(url.rfind(':') + 1, url.rfind('/') - url.rfind(':') - 1);
  core::StopFlag stop;
  std::thread server([&] {
    run_command(runner({"--address=127.0.0.1", "--serve=" + port}), 60, stop);
  });
  RunnerOptions options = web(url);
  options.retries = 100;  // until it listens
  options.backoff_s = 0.05;
  expect_board(measure(options));
  core::write_file_atomic(file("broken.onnx"), std::string("nothing"));
  const Reading broken = make_runner(options)->measure(Subject(file("broken.onnx")), test_.context);
  EXPECT_EQ(broken.end, ReadingEnd::kFailed);
  EXPECT_THAT(broken.reason, AllOf(HasSubstr("422"), HasSubstr("7 bytes are no network")));
  stop.request();
  server.join();
}

// ---- answers ----

std::string error_of(const std::string& answer) {
  try {
    parse_answer(answer, "board");
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

TEST(ParseAnswer, NeedsFewKeys) {
  const Measurement least =
      parse_answer(R"({"median_ms": 2, "quartiles_ms": [1, 3], "repetitions": 9})", "board");
  EXPECT_DOUBLE_EQ(least.median, 2);
  EXPECT_DOUBLE_EQ(least.min, 1);
  EXPECT_EQ(least.conditions.device, "board");
  EXPECT_EQ(least.conditions.threads, 0);
}

TEST(ParseAnswer, RefusesWhatCannotBe) {
  const auto with = [](const std::string& median,
                       const std::string& quartiles = "[1, 3]",
                       const std::string& repetitions = "9") {
    return error_of(fmt::format(R"({{"median_ms": {}, "quartiles_ms": {}, "repetitions": {}}})",
                                median,
                                quartiles,
                                repetitions));
  };
  for (const char* median : {"-2", "0", "\"2\"", "null", "[]", "true"})
    EXPECT_THAT(with(median), AllOf(HasSubstr("answer of board"), HasSubstr("median_ms")));
  EXPECT_THAT(with("1e7", "[1, 2e7]"), HasSubstr("at most 3600000"));
  for (const char* no_json : {"NaN", "1e999", "Infinity", "2,,"})
    EXPECT_THAT(with(no_json), HasSubstr("expected a JSON object")) << no_json;
  for (const char* quartiles : {"[3, 1]",
                                "[1]",
                                "[1, 2, 3]",
                                "2",
                                "[0, 3]",
                                "[-1, 3]",
                                "[2.5, 3]",
                                "[1, 1.5]",
                                "[null, 3]"})
    EXPECT_THAT(with("2", quartiles), HasSubstr("quartiles_ms")) << quartiles;
  for (const char* repetitions : {"0", "-1", "2.5", "\"9\"", "1e300", "99999999999999999999999"})
    EXPECT_THAT(with("2", "[1, 3]", repetitions), HasSubstr("repetitions")) << repetitions;
  for (const char* none : {"", "hello", "[]", "5", "null", "{", "\xff\xfe"})
    EXPECT_THAT(error_of(none), HasSubstr("expected a JSON object"));
  EXPECT_THAT(error_of("{}"), HasSubstr("'median_ms' is missing"));
  EXPECT_THAT(
      error_of(
          R"({"median_ms": 2, "quartiles_ms": [1, 3], "repetitions": 9, "conditions": {"threads": "many"}})"),
      HasSubstr("conditions.threads"));
}

TEST(ParseAnswer, DamagedAnswersAreAnswersOrUserErrors) {
  core::Rng rng(11);
  const std::string whole = kAnswer;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (std::int64_t n = 1 + rng.below(4); n > 0; --n) {
      const auto at =
          static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(damaged.size())));
      if (rng.chance(0.5))
        damaged.erase(at, static_cast<std::size_t>(1 + rng.below(5)));
      else
        damaged[at] = static_cast<char>(rng.below(256));
      if (damaged.empty()) break;
    }
    try {
      const Measurement got = parse_answer(damaged, "board");
      EXPECT_GT(got.median, 0);
      EXPECT_LE(got.first_quartile, got.median);
      EXPECT_LE(got.median, got.third_quartile);
      EXPECT_LE(got.median, 3.6e6);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    }
  }
}

// ---- files ----

TEST(ReadRunner, EveryShippedRunnerIsOne) {
  int found = 0;
  for (const auto& entry : fs::directory_iterator("configs/devices")) {
    const RunnerOptions options = read_runner(entry.path());
    EXPECT_NE(make_runner(options), nullptr);
    ++found;
  }
  EXPECT_GT(found, 0);
}

TEST(ReadRunner, SaysWhatIsWrong) {
  const core::TemporaryFolder folder;
  const std::string file = folder.path() / "board.yaml";
  const auto error = [&](const std::string& text) {
    core::write_file_atomic(file, text);
    try {
      make_meter("runner:" + file, {});
    } catch (const core::Error& e) {
      EXPECT_EQ(e.kind(), core::ErrorKind::kUser);
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error("command: [run, '{model}']"), HasSubstr("has no 'name'"));
  EXPECT_THAT(error("name: board"), HasSubstr("found neither"));
  EXPECT_THAT(error("name: board\nurl: http://x\ncommand: [run, '{model}']"),
              HasSubstr("found both"));
  EXPECT_THAT(error("name: board\nurl: ftp://x"), HasSubstr("found 'ftp://x'"));
  EXPECT_THAT(error("name: board\ncommand: [run, model]"), HasSubstr("{model}"));
  EXPECT_THAT(error("name: board\nurl: http://x\ntimeout_s: 0"), HasSubstr("line 3"));
  EXPECT_THAT(error("name: board\nurl: http://x\nretrys: 2"), HasSubstr("did you mean 'retries'"));
  EXPECT_THAT(error("name: board\nurl: http://x\nprofile: gap9"), HasSubstr("unknown device"));
}

}  // namespace
}  // namespace parsimony::meter
