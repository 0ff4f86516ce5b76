// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "parsimony/data/check_fixture_for_test.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(Check, FaultlessSetHasNoFindings) {
  const CheckReport report = check(root());
  EXPECT_THAT(report.findings, IsEmpty()) << to_text(report);
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.images, (std::array<std::int64_t, 3>{4, 2, 2}));
  EXPECT_EQ(report.classes[2].pixels[0], 4 * kSide * kSide / 3);
  EXPECT_EQ(report.classes[2].images[1], 2);
  EXPECT_EQ(report.sizes.front(), std::pair(ImageSize{kSide, kSide}, std::int64_t{8}));
}

TEST_F(Check, MissingLabel) {
  fs::remove(label("t1"));
  expect_error("missing-label", "images/t1.png", {"train.txt", "'t1'"});
}

TEST_F(Check, MissingImage) {
  fs::remove(image("v0"));
  expect_error("missing-image", "labels/v0.png", {"val.txt", "'v0'"});
}

TEST_F(Check, ListedButMissing) {
  fs::remove(image("e1"));
  fs::remove(label("e1"));
  expect_error("listed-but-missing", "test.txt", {"'e1'"});
}

TEST_F(Check, UnlistedFile) {
  write_png(image("extra"), make_image(kSide, kSide, 9));
  store_gray(label("extra"), make_labels(kSide, kSide, 3));
  expect("unlisted-file", Severity::kNote, "images/extra.png", {"'extra'"});
}

TEST_F(Check, AmbiguousFile) {
  store(root() / "images/t0.jpg", encode_jpeg(make_image(kSide, kSide), 90));
  expect("ambiguous-file", Severity::kWarning, "images/t0.jpg", {"same name"});
}

TEST_F(Check, DuplicateId) {
  store(root() / "val.txt", "v0\nv1\nv1\n");
  expect("duplicate-id", Severity::kWarning, "val.txt", {"'v1'", "more than once"});
}

TEST_F(Check, IdInTwoSplits) {
  store(root() / "val.txt", "v0\nv1\nt2\n");
  expect_error("duplicate-id", "val.txt", {"'t2'", "train", "val"});
}

TEST_F(Check, UnreadableFiles) {
  Bytes bytes = core::read_binary_file(image("t0"));
  bytes.resize(bytes.size() / 2);
  store(image("t0"), bytes);
  store(image("t1"), "this is no picture");
  store(label("t2"), encode_jpeg(make_image(kSide, kSide), 90));
  store(label("t3"), "");
  expect_error("unreadable-image", "images/t0.png", {"cut short"});
  expect_error("unreadable-image", "images/t1.png", {"no known picture format"});
  expect_error("unreadable-label", "labels/t2.png", {"JPEG"});
  expect_error("unreadable-label", "labels/t3.png", {"empty"});
}

TEST_F(Check, AllIgnoreLabel) {
  store_gray(label("t0"), LabelMap(kSide, kSide, 255));
  expect("all-ignore-label", Severity::kWarning, "labels/t0.png", {"576 pixels"});
}

TEST_F(Check, ClassWithoutPixelInTrain) {
  for (const char* id : {"t0", "t1", "t2", "t3"})
    store_gray(label(id), make_labels(kSide, kSide, 2));
  expect("empty-class", Severity::kWarning, "", {"class 2 'car'", "768 in the other splits"});
}

TEST_F(Check, ClassMissingInVal) {
  for (const char* id : {"v0", "v1"}) store_gray(label(id), make_labels(kSide, kSide, 2));
  expect("class-missing-in-split", Severity::kNote, "", {"class 2 'car'", "val"});
}

TEST_F(Check, DuplicateAcrossSplits) {
  write_jpeg(root() / "images/e0.jpg", make_image(kSide, kSide), 90);
  fs::remove(image("e0"));
  write_png(image("t1"), read_image(root() / "images/e0.jpg"));  // other bytes, same pixels
  expect_duplicate(
      "duplicate-across-splits", "images/e0.jpg", {"test", "images/t1.png in train", "too good"});
  EXPECT_THAT(to_text(check(root())),
              AllOf(HasSubstr("images/e0.jpg"),
                    HasSubstr("remedy: take one of the two out of its split"),
                    HasSubstr("WARNING: 1 pictures are in two splits")));
}

TEST_F(Check, DuplicateWithinSplit) {
  fs::copy_file(image("t0"), image("t1"), fs::copy_options::overwrite_existing);
  expect_duplicate("duplicate-within-split", "images/t1.png", {"images/t0.png"});
  EXPECT_THAT(to_text(check(root())), Not(HasSubstr("WARNING")));
}

TEST_F(Check, EmptySplits) {
  store(root() / "val.txt", "\n");
  expect("empty-split", Severity::kWarning, "", {"val split"});
  store(root() / "train.txt", "");
  expect_error("empty-split", "", {"train split"});
}

TEST_F(Check, MalformedDescriptionDoesNotEndTheCheck) {
  store(root() / "dataset.json", "{\n\"name\": \"x\"\n\"classes\": []}");
  fs::remove(label("t1"));
  expect_error("malformed-description", "dataset.json", {"line 3", "not valid JSON"});
  expect_error("missing-label", "images/t1.png", {});
  EXPECT_EQ(check(root()).classes.size(), 3u);  // counted from the labels
}

TEST_F(Check, DescriptionIsCheckedValueByValue) {
  const auto expect_line = [this](const char* json, const Texts& texts) {
    store(root() / "dataset.json", json);
    expect_error("malformed-description", "dataset.json", texts);
  };
  expect_line("[1]", {"line 1", "array"});
  expect_line("{\n\"clases\": [\"a\"]}", {"'classes' is missing", "did you mean"});
  expect_line("{\n\n\"classes\": {\"0\": \"a\"}}", {"line 3", "list of names"});
  expect_line("{\"classes\": [\"a\", \"b\", \"c\"],\n\"num_classes\": 4}",
              {"line 2", "is 4", "3 names"});
  expect_line("{\"classes\": [\"a\", \"b\", \"c\"],\n\"ignore_id\": 1}", {"line 2", "class 'b'"});
  expect_line("{\"classes\": [\"a\", \"b\", \"c\"],\n\"ignore_id\": \"x\"}",
              {"line 2", "0 to 255"});
  expect_line("{\"classes\": [\"a\", \"b\", \"c\"],\n\"palette\": {\"0\": [1, 2, 999]}}",
              {"line 2", "class id 0"});
  const auto expect_key = [&](const std::string& text, const Texts& texts) {
    expect_line(("{\"classes\": [\"a\", \"b\", \"c\"],\n" + text + "}").c_str(), texts);
  };
  expect_key(R"("mirror_pairs": {"a": "b"})", {"line 2", "list of pairs"});
  expect_key(R"("mirror_pairs": [["a", "d"]])", {"line 2", "\"d\"", "no class"});
  expect_key(R"("mirror_pairs": [["a", 1]])", {"line 2", "names 1"});
  expect_key(R"("mirror_pairs": [["a"]])", {"line 2", "two class names"});
  expect_key(R"("mirror_pairs": ["a"])", {"line 2", "two class names"});
  expect_key(R"("mirror_pairs": [["a", "a"]])", {"line 2", "twice"});
  expect_key(R"("mirror_pairs": [["a", "b"], ["c", "b"]])", {"line 2", "another pair"});
  expect_key(R"("groups": ["a"])", {"line 2", "an object"});
  expect_key(R"("groups": {"x": ["a", "bb"]})", {"line 2", "\"bb\"", "'b'"});
  expect_key(R"("groups": {"x": []})", {"line 2", "'x'"});
  expect_key(R"("groups": {"x": ["a", "a"]})", {"line 2", "twice"});
}

TEST_F(Check, SetsOfWhichNothingCanBeReadAreOneFinding) {
  for (const auto& [task, kind] :
       {std::pair("object_detection", FindingKind::kNoLabelMaps),
        std::pair("human_pose", FindingKind::kMalformedDescription),
        std::pair("depth_estimation", FindingKind::kMalformedDescription)}) {
    store(root() / "dataset.json", fmt::format(R"({{"task": "{}"}})", task));
    const CheckReport report = check(root());
    ASSERT_EQ(report.findings.size(), 1u) << to_text(report);
    EXPECT_EQ(report.findings[0].kind, kind);
    EXPECT_THAT(report.findings[0].detail, HasSubstr(task));
  }
}

TEST_F(Check, DoesNotDependOnThreads) {
  fs::remove(label("t1"));
  store(image("t2"), "broken");
  store_gray(label("t3"), make_labels(kSide, kSide, 9));
  EXPECT_EQ(to_json(check(root(), 1)).dump(), to_json(check(root(), 4)).dump());
}

TEST_F(Check, JsonKeepsItsContract) {
  fs::remove(label("t1"));
  const nlohmann::ordered_json json = to_json(check(root()));
  ASSERT_EQ(json["findings"].size(), 1u);
  for (const char* key : {"kind", "severity", "file", "detail", "remedy"}) {
    EXPECT_TRUE(json["findings"][0][key].is_string()) << key;
  }
  EXPECT_EQ(json["findings"][0]["severity"], "error");
  EXPECT_EQ(json["images"], 7);
  ASSERT_EQ(json["classes"].size(), 3u);
  EXPECT_EQ(json["classes"][1]["id"], 1);
  EXPECT_EQ(json["classes"][1]["name"], "tree");
  EXPECT_EQ(json["classes"][1]["pixels"], 7 * 192);
  EXPECT_EQ(json["classes"][1]["images"], 7);
}

TEST_F(Check, TextGroupsFindingsAndCutsLongLists) {
  for (const char* id : {"t0", "t1", "t2"}) fs::remove(label(id));
  const std::string text = to_text(check(root()), 2);
  EXPECT_THAT(text,
              AllOf(HasSubstr("1 train, 2 val, 2 test"),
                    HasSubstr("error: missing-label (3)"),
                    HasSubstr("images/t1.png"),
                    Not(HasSubstr("images/t2.png")),
                    HasSubstr("... and 1 more"),
                    HasSubstr("remedy: "),
                    HasSubstr("3 errors, 0 warnings, 0 notes")));
}

TEST_F(Check, StopsOnRequest) {
  core::SilentLog log;
  core::SilentProgress progress;
  core::StopFlag stop;
  stop.request();
  const CheckReport report = check_dataset(root(), core::Context{log, progress, stop, 1});
  EXPECT_TRUE(report.interrupted);
  EXPECT_THAT(to_text(report), HasSubstr("stopped"));
}

TEST_F(Check, OnlyAMissingOrUnknownFolderThrows) {
  EXPECT_THAT(user_error([&] { check(root() / "none"); }), HasSubstr("no such folder"));
  EXPECT_THAT(user_error([&] { check(root() / "images"); }), HasSubstr("not a data set"));
}

TEST(CheckPairs, InfersClassesAndSeesHoles) {
  const core::TemporaryFolder folder;
  for (int i = 0; i < 5; ++i) {
    const std::string name = fmt::format("p{}.png", i);
    write_png(folder.path() / "images" / name,
              make_image(kSide, kSide, static_cast<std::uint64_t>(i)));
    LabelMap labels = make_labels(kSide, kSide, 2);
    labels.at(0, 0) = 5;
    store_gray(folder.path() / "masks" / name, labels);
  }
  write_png(folder.path() / "images/lonely.png", make_image(kSide, kSide, 50));
  const CheckReport report = check(folder.path());
  EXPECT_EQ(report.classes.size(), 6u);
  EXPECT_THAT(report.findings,
              Contains(Reports("sparse-ids", Severity::kWarning, std::string(), Texts{"2, 3, 4"})));
  EXPECT_THAT(report.findings,
              Contains(Reports(
                  "missing-label", Severity::kWarning, std::string("images/lonely.png"), Texts{})));
}

TEST(CheckPairs, BlackAndWhiteMasksAreTheSameFindingAsOnOpening) {
  const core::TemporaryFolder folder;
  LabelMap mask(kSide, kSide);
  mask.at(1, 1) = 255;
  write_png(folder.path() / "images/a.png", make_image(kSide, kSide));
  store_gray(folder.path() / "labels/a.png", mask);
  EXPECT_THAT(
      check(folder.path()).findings,
      Contains(Reports(
          "mask-0-255", Severity::kError, std::string("labels/a.png"), Texts{"255 (1 pixels)"})));
}

}  // namespace
}  // namespace parsimony::data
