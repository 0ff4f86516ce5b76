// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/core/rng.h"
#include "parsimony/core/text.h"

namespace parsimony::core {
namespace {

using ::testing::HasSubstr;

// ---- options ----

enum class Policy { kPoly, kStep };
constexpr std::array<std::string_view, 2> kPolicyNames = {"poly", "step"};

struct Inner {
  double rate = 0.003;
  Policy policy = Policy::kPoly;
  void visit(FieldVisitor& v) {
    v.field("rate", rate, {"learning rate", 0, 10});
    v.choice("policy", policy, kPolicyNames, {"decay"});
  }
};

struct Outer {
  bool on = false;
  int count = 3;
  std::int64_t large = 1'000'000'000'000;
  std::string name = "a \"quoted\" name";
  std::vector<std::int64_t> ids = {1, 2};
  std::vector<double> weights = {0.1, 1e-30};
  std::vector<std::string> words = {"x", "y: z"};
  Inner inner;
  void visit(FieldVisitor& v) {
    v.field("on", on, {"a switch"});
    v.field("count", count, {"how many", 1, 9});
    v.field("large", large, {"a large number"});
    v.field("name", name, {"text"});
    v.field("ids", ids, {"ids", 0, 5});
    v.field("weights", weights, {"weights"});
    v.field("words", words, {"words"});
    v.group("inner", inner, "options within options");
  }
};

std::string error_of(const std::string& yaml, const std::vector<std::string>& settings = {}) {
  try {
    Config config = Config::from_text(yaml, "study.yaml");
    for (const std::string& setting : settings) config.set(setting);
    Outer options;
    config.read_into(options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

TEST(Config, ReadsValuesAndKeepsDefaults) {
  Config config = Config::from_text("on: true\nids: [3, 4]\ninner: {policy: step}\n", "t");
  config.set("inner.rate=0.5");
  config.set("words=[a, b]");
  Outer options;
  config.read_into(options);
  EXPECT_TRUE(options.on);
  EXPECT_EQ(options.count, 3);
  EXPECT_EQ(options.ids, (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(options.inner.policy, Policy::kStep);
  EXPECT_EQ(options.inner.rate, 0.5);
  EXPECT_EQ(options.words, (std::vector<std::string>{"a", "b"}));
}

TEST(Config, WrittenOptionsReadBackEqual) {
  for (const bool comments : {false, true}) {
    Outer changed;
    changed.on = true;
    changed.inner.rate = 1.0 / 3;
    changed.name = "multi\nline # not a comment";
    changed.ids.clear();
    const std::string yaml = to_yaml(changed, comments);
    Outer read;
    read.ids = {9};
    Config::from_text(yaml, "t").read_into(read);
    EXPECT_EQ(to_yaml(read), to_yaml(changed)) << yaml;
    EXPECT_EQ(read.name, changed.name);
    EXPECT_EQ(read.inner.rate, changed.inner.rate);
  }
}

TEST(Config, ErrorsNamePlaceValueAndExpectation) {
  EXPECT_EQ(
      error_of("on: true\ncuont: 4\n"),
      "study.yaml, line 2: unknown key 'cuont' (did you mean 'count'?). Known here: count, ids, inner, large, name, "
      "on, weights, words");
  EXPECT_EQ(error_of("inner:\n  rate: fast\n"),
            "study.yaml, line 2: 'inner.rate' must be a number, found 'fast'");
  EXPECT_EQ(error_of("count: 12"), "study.yaml, line 1: 'count' must be between 1 and 9, found 12");
  EXPECT_EQ(error_of("count: 2.5"), "study.yaml, line 1: 'count' must be an integer, found '2.5'");
  EXPECT_EQ(
      error_of("inner: {policy: stpe}"),
      "study.yaml, line 1: 'inner.policy' must be one of poly, step, found 'stpe' (did you mean 'step'?).");
  EXPECT_EQ(error_of("inner: 3"), "study.yaml, line 1: 'inner' must be a group of keys, found '3'");
  EXPECT_EQ(error_of("ids: 3"), "study.yaml, line 1: 'ids' must be a list of integers, found '3'");
  EXPECT_EQ(error_of("ids: [1, 7]"), "study.yaml, line 1: 'ids' must be between 0 and 5, found 7");
  EXPECT_EQ(error_of("[1, 2]"),
            "study.yaml, line 1: the document must be a group of keys, found a list");
  EXPECT_THAT(error_of("on: [\n"), HasSubstr("not valid YAML"));
  EXPECT_EQ(error_of("{}", {"count=0"}), "--set count=0: 'count' must be between 1 and 9, found 0");
  EXPECT_THAT(error_of("{}", {"inner.rte=1"}),
              HasSubstr("--set inner.rte=1: unknown key 'inner.rte' (did you mean 'rate'?)"));
  EXPECT_THAT(error_of("{}", {"count"}), HasSubstr("expected NAME=VALUE"));
  EXPECT_THAT(error_of("count: 2", {"count.x=1"}), HasSubstr("'count' is not a group"));
}

TEST(Config, EveryMisspelledKeyIsAnError) {
  for (const FieldInfo& field : list_fields(Outer{})) {
    const std::string wrong = field.path + "x";
    EXPECT_THAT(error_of("{}", {wrong + "=1"}), HasSubstr("unknown key '" + wrong + "'"));
  }
}

TEST(Config, AMissingFileIsNamed) {
  try {
    Config::from_file("/no/such/study.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/no/such/study.yaml: cannot be opened"));
  }
}

// ---- random streams ----

TEST(Rng, StreamsDependOnSeedAndKeysOnly) {
  Rng a(7);
  const Rng b(7);
  const Rng split_before = a.split("x").split(3);
  a.next();
  EXPECT_EQ(b.split("x").split(3).state(), split_before.state());
  EXPECT_NE(b.split("x").split(4).state(), split_before.state());
  EXPECT_NE(b.split("y").split(3).state(), split_before.state());
  EXPECT_NE(Rng(8).split("x").split(3).state(), split_before.state());
  EXPECT_EQ(Rng::from_state(a.state()).next(), Rng(a).next());
}

TEST(Rng, DrawsAreUniformAndNormal) {
  Rng rng(1);
  constexpr int kDraws = 200'000;
  double sum = 0, normal_sum = 0, normal_square = 0;
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    ++counts[static_cast<std::size_t>(rng.below(7))];
    const double n = rng.normal();
    normal_sum += n;
    normal_square += n * n;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 7.0, 700);
  EXPECT_NEAR(normal_sum / kDraws, 0, 0.01);
  EXPECT_NEAR(normal_square / kDraws, 1, 0.02);
}

TEST(Rng, ShuffleIsAPermutation) {
  Rng rng(3);
  std::vector<int> items(50);
  for (int i = 0; i < 50; ++i) items[static_cast<std::size_t>(i)] = i;
  std::vector<int> shuffled = items;
  rng.shuffle(shuffled);
  EXPECT_NE(shuffled, items);
  EXPECT_THAT(shuffled, ::testing::UnorderedElementsAreArray(items));
}

// ---- files ----

TEST(Files, AtomicWritesReplaceAndLeaveNoDrafts) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "deep" / "file.txt";
  write_file_atomic(file, std::string_view("one"));
  write_file_atomic(file, std::string_view("two\0three", 9));
  EXPECT_EQ(read_text_file(file), std::string("two\0three", 9));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(file.parent_path()), {}), 1);
}

std::string user_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

TEST(Files, ErrorsNameTheFileAndTheReason) {
  const TemporaryFolder folder;
  const auto write = [](const std::filesystem::path& file) {
    return user_error([&file] { write_file_atomic(file, std::string_view("x")); });
  };
  const auto read = [](const std::filesystem::path& file) {
    return user_error([&file] { read_text_file(file); });
  };
  EXPECT_THAT(read(folder.path()), HasSubstr("is a folder"));
  EXPECT_THAT(read(folder.path() / "none"), HasSubstr("No such file"));
  EXPECT_THAT(read(folder.path() / std::string(300, 'x')), HasSubstr("File name too long"));
  EXPECT_THAT(user_error([&folder] { sha256_of_file(folder.path()); }),
              HasSubstr("cannot be read"));

  EXPECT_THAT(write("/proc/nothing/here"),
              HasSubstr("/proc/nothing: the folder cannot be created: No such file"));
  write_file_atomic(folder.path() / "file", std::string_view("x"));
  EXPECT_THAT(write(folder.path() / "file" / "below"),
              HasSubstr("file: the folder cannot be created: Not a directory"));
  std::filesystem::create_directory(folder.path() / "folder");
  EXPECT_THAT(write(folder.path() / "folder"), HasSubstr("cannot be replaced: Is a directory"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2)
      << "a draft was left";
}

TEST(Files, ReadFromPipes) {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string text(300'000, 'x');  // more than a pipe holds
  const std::jthread writer([&] { std::ofstream(pipe) << text; });
  EXPECT_EQ(read_text_file(pipe), text);
}

TEST(Files, Sha256KnownAnswers) {
  EXPECT_EQ(sha256(std::string_view("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TemporaryFolder folder;
  write_file_atomic(folder.path() / "f", std::string_view("abc"));
  EXPECT_EQ(sha256_of_file(folder.path() / "f"), sha256(std::string_view("abc")));
}

// ---- text ----

TEST(Text, SplitTrimAndEscape) {
  EXPECT_EQ(split("a..b", '.'), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(trim("  a b\r\n"), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(escape_markup("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(did_you_mean("xyzzy", std::vector<std::string>{"rate"}), ".");
}

TEST(Text, NumbersForPeople) {
  EXPECT_EQ(human_count(1'234'567), "1.23 M");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_duration(3.21), "3.2 s");
  EXPECT_EQ(human_duration(125), "2 min 05 s");
  EXPECT_EQ(human_duration(3 * 3600 + 300), "3 h 05 min");
}

// ---- threads ----

TEST(ParallelFor, VisitsEveryIndexOnce) {
  for (const int threads : {1, 3, 16}) {
    std::vector<std::atomic<int>> visits(101);
    parallel_for(101, threads, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
    for (const auto& count : visits) EXPECT_EQ(count, 1);
  }
  parallel_for(0, 4, [](std::int64_t) { FAIL(); });
}

TEST(ParallelFor, RethrowsTheFirstException) {
  EXPECT_THROW(parallel_for(50,
                            4,
                            [](std::int64_t i) {
                              if (i == 20) throw_user_error("index {}", i);
                            }),
               Error);
}

TEST(PinToCore, LeavesOneOfTheThreadsCores) {
  const int all = available_cores();
  for (const int index : {0, all - 1, all, 7 * all + 1}) {
    std::jthread([index] {
      pin_to_core(index);
      EXPECT_EQ(available_cores(), 1) << index;
    }).join();
  }
  EXPECT_EQ(available_cores(), all);  // other threads are as they were
}

}  // namespace
}  // namespace parsimony::core
