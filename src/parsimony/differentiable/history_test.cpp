// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Numbers without a short decimal form, and the smallest and largest that there are.
constexpr double kThird = 1.0 / 3, kTenth = 0.1 + 0.2;
constexpr double kSmall = 4.9e-324, kLarge = 1.7976931348623157e308;

const space::GridCell kCell = {1,
                               {{1, 0, space::GridOp::kSepConv3x3},
                                {2, 0, space::GridOp::kSkip},
                                {2, 1, space::GridOp::kDilConv5x5}}};
const std::vector<space::GridLayer> kPaths = {{{0, 0}, {0, 1}}, {{0, 0}, {1, 0}}};

CellSearchHistory cell_history() {
  CellSearchHistory history;
  CellNote first;
  first.weight_loss = kThird;
  first.entropy = kTenth;
  first.cell = kCell;
  CellNote second = first;
  second.epoch = 1;
  second.architecture_loss = kSmall;
  second.supernet_miou = 0.5;
  second.discrete_miou = -0.0;
  second.eigenvalue = kLarge;
  second.skips = 3;
  second.weights = {{0.125, 0.875}, {1.0 / 3, 2.0 / 3}};
  history.epochs = {first, second};
  history.returned_to = {1, 7};
  history.cell = kCell;
  return history;
}

PathSearchHistory path_history() {
  PathSearchHistory history;
  history.budget = kTenth;
  PathNote note;
  note.epoch = 4;
  note.weight_loss = 1;
  note.architecture_loss = kThird;
  note.entropy = 0.5;
  note.cost = kThird;
  note.paths = kPaths;
  history.epochs = {note};
  history.gates = {{kThird, 1}, {0, kSmall, 0.5, 0.25, 0.125}};
  history.deviations = {{0, 0.1}, {kTenth, 0, 0, 0, 0}};
  history.paths = kPaths;
  return history;
}

StudyHistory study() {
  SeedHistory begun;
  begun.seed = std::numeric_limits<std::int64_t>::max();
  return {.cost = "latency_ms.\"gap8\"",
          .seeds = {{.seed = -1, .cell = cell_history(), .paths = {path_history()}}, begun},
          .networks = {{.trial = 1, .seed = -1, .budget = kThird},
                       {.trial = 2, .origin = NetworkOrigin::kRandomCell},
                       {.trial = 3, .origin = NetworkOrigin::kRandomPaths}}};
}

template <typename Parse>
std::string error_of(Parse parse, const std::string& text) {
  try {
    parse(text);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

std::string replaced(std::string text, const std::string& old_part, const std::string& new_part) {
  const auto at = text.find(old_part);
  EXPECT_NE(at, std::string::npos) << old_part;
  return at == std::string::npos ? text : text.replace(at, old_part.size(), new_part);
}

TEST(History, ACellSearchComesBackAsItWas) {
  const std::string text = to_json(cell_history());
  const CellSearchHistory history = cell_search_history(text);
  ASSERT_EQ(history.epochs.size(), 2u);
  EXPECT_EQ(history.epochs[0].epoch, 0);
  EXPECT_EQ(history.epochs[0].weight_loss, kThird);
  EXPECT_EQ(history.epochs[0].entropy, kTenth);
  EXPECT_EQ(history.epochs[0].architecture_loss, std::nullopt);
  EXPECT_EQ(history.epochs[0].supernet_miou, std::nullopt);
  EXPECT_EQ(history.epochs[0].discrete_miou, std::nullopt);
  EXPECT_EQ(history.epochs[0].eigenvalue, std::nullopt);
  EXPECT_EQ(history.epochs[0].cell, kCell);
  EXPECT_EQ(history.epochs[1].epoch, 1);
  EXPECT_EQ(history.epochs[1].architecture_loss, kSmall);
  EXPECT_EQ(history.epochs[1].supernet_miou, 0.5);
  EXPECT_TRUE(std::signbit(history.epochs[1].discrete_miou.value()));
  EXPECT_EQ(history.epochs[1].eigenvalue, kLarge);
  EXPECT_EQ(history.epochs[1].skips, 3);
  EXPECT_EQ(history.epochs[1].weights,
            (std::vector<std::vector<double>>{{0.125, 0.875}, {1.0 / 3, 2.0 / 3}}));
  EXPECT_THAT(history.returned_to, ElementsAre(1, 7));
  EXPECT_EQ(history.cell, kCell);
  EXPECT_EQ(to_json(history), text);
}

TEST(History, APathSearchComesBackAsItWas) {
  const std::string text = to_json(path_history());
  const PathSearchHistory history = path_search_history(text);
  EXPECT_EQ(history.budget, kTenth);
  ASSERT_EQ(history.epochs.size(), 1u);
  EXPECT_EQ(history.epochs[0].epoch, 4);
  EXPECT_EQ(history.epochs[0].weight_loss, 1);
  EXPECT_EQ(history.epochs[0].architecture_loss, kThird);
  EXPECT_EQ(history.epochs[0].cost, kThird);
  EXPECT_EQ(history.epochs[0].paths, kPaths);
  EXPECT_EQ(history.gates, path_history().gates);
  EXPECT_EQ(history.deviations, path_history().deviations);
  EXPECT_EQ(history.paths, kPaths);
  EXPECT_EQ(to_json(history), text);
}

TEST(History, AStudyComesBackAsItWas) {
  const std::string text = to_json(study());
  const StudyHistory history = study_history(text);
  EXPECT_EQ(history.cost, "latency_ms.\"gap8\"");
  ASSERT_EQ(history.seeds.size(), 2u);
  EXPECT_EQ(history.seeds[0].seed, -1);
  EXPECT_EQ(to_json(history.seeds[0].cell), to_json(cell_history()));
  ASSERT_EQ(history.seeds[0].paths.size(), 1u);
  EXPECT_EQ(to_json(history.seeds[0].paths[0]), to_json(path_history()));
  EXPECT_EQ(history.seeds[1].seed, std::numeric_limits<std::int64_t>::max());
  ASSERT_EQ(history.networks.size(), 3u);
  EXPECT_EQ(history.networks[0].trial, 1);
  EXPECT_EQ(history.networks[0].origin, NetworkOrigin::kSearched);
  EXPECT_EQ(history.networks[0].budget, kThird);
  EXPECT_EQ(history.networks[1].origin, NetworkOrigin::kRandomCell);
  EXPECT_EQ(history.networks[2].origin, NetworkOrigin::kRandomPaths);
  EXPECT_EQ(to_json(history), text);
}

TEST(History, NothingYetIsAHistoryToo) {
  EXPECT_TRUE(study_history(to_json(StudyHistory{})).seeds.empty());
  EXPECT_TRUE(cell_search_history(to_json(CellSearchHistory{})).cell.edges.empty());
  EXPECT_TRUE(path_search_history(to_json(PathSearchHistory{})).paths.empty());
}

// A state is read by later versions: what it looks like is no accident.
TEST(History, HasAFormThatPeopleCanRead) {
  EXPECT_THAT(to_json(cell_history()),
              AllOf(HasSubstr(R"({"epoch":0,"weight_loss":0.3333333333333333,"entropy":)"),
                    HasSubstr(R"("returned_to":[1,7])"),
                    HasSubstr(R"({"inputs":1,"edges":[[1,0,"sep3"],[2,0,"skip"],[2,1,"dil5"]]})")));
  EXPECT_THAT(to_json(path_history()), HasSubstr(R"("paths":[[[0,0],[0,1]],[[0,0],[1,0]]])"));
  EXPECT_THAT(to_json(study()), HasSubstr(R"({"trial":2,"origin":"random cell","seed":1,)"));
}

TEST(History, EveryTruncationIsAnError) {
  const std::string text = to_json(study());
  for (std::size_t size = 0; size < text.size(); ++size)
    ASSERT_THAT(error_of(study_history, text.substr(0, size)), HasSubstr("not valid JSON")) << size;
}

TEST(History, ErrorsSayWhatIsWrongWhere) {
  const std::string text = to_json(study());
  const auto error = [&text](const std::string& old_part, const std::string& new_part) {
    return error_of(study_history, replaced(text, old_part, new_part));
  };
  EXPECT_EQ(error_of(study_history, "[]"), "history of a search: the whole has no 'cost'");
  EXPECT_EQ(error_of(cell_search_history, "3"), "history of a search: the whole has no 'epochs'");
  EXPECT_EQ(error("\"skips\":3", "\"skips\":3.5"),
            "history of a search: seeds[0].cell.epochs[1].skips is 3.5, expected a whole number");
  EXPECT_EQ(error("\"skips\":3", "\"jumps\":3"),
            "history of a search: seeds[0].cell.epochs[1] has no 'skips'");
  EXPECT_EQ(error("\"skips\":3", "\"skips\":3000000000"),
            "history of a search: seeds[0].cell.epochs[1].skips is 3000000000, expected a whole "
            "number");
  EXPECT_THAT(error("9223372036854775807", "9223372036854775808"), HasSubstr("seeds[1].seed is"));
  EXPECT_THAT(error("\"entropy\":0", "\"entropy\":\"0"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error("0.3333333333333333", "null"),
              HasSubstr("seeds[0].cell.epochs[0].weight_loss is null, expected a number"));
  EXPECT_THAT(error("1.7976931348623157e+308", "1e999"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error("[1,7]", "{}"), HasSubstr("returned_to is object, expected a list"));
  EXPECT_THAT(error("\"searched\"", "\"found\""),
              HasSubstr("is \"found\", expected one of searched, random cell, random paths"));
  EXPECT_THAT(error("\"latency_ms", "7,\"x\":\"latency_ms"),
              HasSubstr("cost is 7, expected a text"));
}

TEST(History, CellsAndPathsMustMakeSense) {
  const std::string cell = to_json(cell_history());
  const auto cell_error = [&cell](const std::string& old_part, const std::string& new_part) {
    return error_of(cell_search_history, replaced(cell, old_part, new_part));
  };
  EXPECT_THAT(cell_error("sep3", "sep9"),
              HasSubstr("cell.edges[0][2] is \"sep9\", expected one of"));
  EXPECT_THAT(cell_error("[1,0,\"sep3\"]", "[1,0]"), HasSubstr("expected a list of 3"));
  EXPECT_THAT(cell_error("[1,0,\"sep3\"]", "[1,1,\"sep3\"]"), Not(HasSubstr("no error")));
  EXPECT_THAT(cell_error("[2,0,", "[7,0,"), Not(HasSubstr("no error")));
  EXPECT_THAT(cell_error("[2,1,", "[2,0,"), HasSubstr("twice"));
  EXPECT_THAT(cell_error("\"inputs\":1", "\"inputs\":2"), HasSubstr("behind the inputs"));
  EXPECT_THAT(cell_error("[[1,0,\"sep3\"],[2,0,\"skip\"],[2,1,\"dil5\"]]",
                         "[[1,0,\"sep3\"],[2,1,\"dil5\"],[2,0,\"skip\"]]"),
              HasSubstr("by node and source"));

  const std::string paths = to_json(path_history());
  const auto path_error = [&paths](const std::string& old_part, const std::string& new_part) {
    return error_of(path_search_history, replaced(paths, old_part, new_part));
  };
  EXPECT_THAT(path_error("[0,1]]", "[0,4]]"), Not(HasSubstr("no error")));
  EXPECT_THAT(path_error("[0,1]]", "[0]]"), HasSubstr("expected a list of 2"));
  EXPECT_THAT(path_error("[[0,0],[1,0]]", "[[0,0]]"), HasSubstr("layer 2 reads"));
  EXPECT_THAT(path_error("[[0,0],[0,1]]", "[[0,1],[0,0]]"), HasSubstr("ascending"));
  EXPECT_THAT(path_error("[[0,0],[0,1]]", "[]"), Not(HasSubstr("no error")));
  EXPECT_THAT(path_error("\"deviations\":[[", "\"deviations\":[[0.5,"),
              HasSubstr("expected one value for each of 'gates'"));
  EXPECT_THAT(path_error("\"deviations\":[[", "\"deviations\":[[],["),
              HasSubstr("expected one value for each of 'gates'"));
}

TEST(History, WhatIsNoNumberCannotBeWritten) {
  CellSearchHistory history = cell_history();
  history.epochs[1].eigenvalue = std::nan("");
  EXPECT_THROW(to_json(history), core::Error);
  PathSearchHistory paths = path_history();
  paths.gates[1][2] = HUGE_VAL;
  EXPECT_THROW(to_json(paths), core::Error);
  StudyHistory whole = study();
  whole.seeds[1].paths = {paths};
  EXPECT_THROW(to_json(whole), core::Error);
}

}  // namespace
}  // namespace parsimony::differentiable
