// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/graph/testing.h"
#include "parsimony/report/gate_picture.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/testing.h"
#include "parsimony/report/weight_table.h"

namespace parsimony::report {
namespace {

using differentiable::NetworkNote;
using differentiable::NetworkOrigin;
using differentiable::SeedHistory;
using graph::occurrences;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string section(const ReportData& data) {
  const View view(data);
  return render_two_stage(view);
}

study::Trial network(study::TrialId id, double miou, double params) {
  study::Trial trial;
  trial.id = id;
  trial.state = study::TrialState::kDone;
  trial.genotype = "{cell:[[1,0,sep3]],paths:[[0-0]]}";
  trial.costs = {{"params", params}, {"macs", 1000 * params}};
  trial.outcome = study::Scored{{{"miou", miou}}};
  return trial;
}

ReportedModel trained(study::TrialId id, double miou) {
  ReportedModel model;
  model.model.trial = id;
  model.model.scores = {{"miou", miou}};
  return model;
}

// Small enough to be reckoned by hand: one seed, one budget, nothing but results.
ReportData small_study() {
  ReportData data{.title = "small"};
  data.objectives = {objective::objective_by_name("miou"), objective::objective_by_name("params")};
  data.trials = {network(1, 0.40, 1000), network(2, 0.30, 900), network(3, 0.45, 1100)};
  data.models = {trained(1, 0.700), trained(2, 0.685), trained(3, 0.720)};
  SeedHistory seed;
  seed.seed = 7;
  seed.cell.cell = {1, {{1, 0, space::GridOp::kSkip}, {2, 1, space::GridOp::kSepConv3x3}}};
  seed.paths.resize(1);
  seed.paths[0].budget = 0.5;
  data.two_stage.emplace().cost = "params";
  data.two_stage->seeds = {seed};
  data.two_stage->networks = {{1, NetworkOrigin::kSearched, 7, 0.5},
                              {2, NetworkOrigin::kRandomCell, 7, 0.5},
                              {3, NetworkOrigin::kRandomPaths, 7, 0.5}};
  return data;
}

// Cells of the table row of a network, without markup: "a|b|c".
std::string row_of(const std::string& page, study::TrialId trial) {
  const auto at = page.find(fmt::format("<tr><th scope=\"row\" data-v=\"{}\">", trial));
  if (at == std::string::npos) return "no such row";
  std::string text;
  bool in_tag = false;
  for (const char c : page.substr(at, page.find("</tr>", at) - at)) {
    if (c == '<') {
      in_tag = true;
    } else if (c == '>') {
      in_tag = false;
      if (text.empty() || text.back() != '|') text += '|';
    } else if (!in_tag && c != '\n') {
      text += c;
    }
  }
  return text;
}

TEST(TwoStageSection, IsOfTwoStageSearchesOnly) {
  EXPECT_EQ(section(fake_report_data(10)), "");
  EXPECT_EQ(section({.title = "empty"}), "");
  EXPECT_THAT(render_report(fake_report_data(10)), Not(HasSubstr("two-stage")));
  const std::string page = render_report(fake_two_stage_data());
  EXPECT_THAT(page, HasSubstr("<section id=\"two-stage\">"));
  EXPECT_THAT(page, HasSubstr("<a href=\"#two-stage\">"));
  for (const char* tag : {"div", "figure", "section", "p", "table"}) {
    EXPECT_EQ(
        occurrences(page, fmt::format("<{}>", tag)) + occurrences(page, fmt::format("<{} ", tag)),
        occurrences(page, fmt::format("</{}>", tag)))
        << tag;
  }
}

TEST(TwoStageSection, SaysWhatWasSearchedAndFound) {
  std::string page = section(small_study());
  EXPECT_THAT(
      page,
      HasSubstr("The search of a cell ran from 1 seed, that of paths for 1 budget: 50 % of "
                "the whole grid’s parameters. Of the operations of a cell, skip connections "
                "are 1 of 2 with seed 7. Found: 1 network with 1000 parameters, the best "
                "of them, #1, with 70.0 % mIoU on the test split after training."));
  EXPECT_THAT(page, Not(HasSubstr("too sharp,")));
  page = section(fake_two_stage_data(3, {0.125, 0.25, 0.5}));
  EXPECT_THAT(page, HasSubstr("3 seeds, that of paths for 3 budgets: 12.5 %, 25 % and 50 % of"));
  EXPECT_THAT(page, HasSubstr("became too sharp, it went back: with seed 2 to epoch 15."));
  EXPECT_THAT(page, HasSubstr("Found: 9 networks"));
  EXPECT_THAT(section(fake_two_stage_data(1)), HasSubstr("No search of a cell went back."));
}

TEST(TwoStageSection, ListsAllNetworks) {
  const std::string page = section(small_study());
  EXPECT_EQ(row_of(page, 1), "|#1|searched|7|50 %|1000|1 M|40.0 %|70.0 %|");
  EXPECT_EQ(row_of(page, 2), "|#2|random cell|7|50 %|900|900 k|30.0 %|68.5 %|");
  EXPECT_EQ(row_of(page, 3), "|#3|random paths|7|50 %|1100|1.1 M|45.0 %|72.0 %|");
  EXPECT_THAT(page, HasSubstr("<a href=\"#network-1\">#1</a>"));
}

TEST(TwoStageSection, ComparesWithChance) {
  ReportData data = small_study();
  std::string page = section(data);
  EXPECT_THAT(page,
              HasSubstr("The searched cell against a random one: +1.50 points of test mIoU, in "
                        "<b>one comparison, which may be chance</b>."));
  EXPECT_THAT(page,
              HasSubstr("The searched paths against random ones: -2.00 points of test mIoU, in "
                        "<b>one comparison, which may be chance</b>."));
  EXPECT_THAT(page, Not(HasSubstr("pay")));
  // A second seed; of its two random cells the mean counts.
  data.two_stage->networks.insert(data.two_stage->networks.end(),
                                  {{4, NetworkOrigin::kSearched, 8, 0.5},
                                   {5, NetworkOrigin::kRandomCell, 8, 0.5},
                                   {6, NetworkOrigin::kRandomCell, 8, 0.5},
                                   {7, NetworkOrigin::kRandomPaths, 9, 0.5}});
  for (const auto& [id, miou] :
       {std::pair(4, 0.70), std::pair(5, 0.70), std::pair(6, 0.71), std::pair(7, 0.1)})
    data.models.push_back(trained(id, miou));
  page = section(data);
  EXPECT_THAT(page,
              HasSubstr("+0.50 points of test mIoU on average (-0.50 to +1.50 in 2 comparisons, "
                        "each of one seed and budget): <b>the search paid on average, but not "
                        "everywhere</b>."));
  EXPECT_THAT(page, HasSubstr("random ones: -2.00 points"));  // seed 9 was not searched
}

TEST(TwoStageSection, WithoutFinalsThereIsNothingToCompareYet) {
  ReportData data = small_study();
  data.models.clear();
  const std::string page = section(data);
  EXPECT_THAT(page, HasSubstr("Found: 1 network with 1000 parameters; none has been trained"));
  EXPECT_EQ(row_of(page, 1), "|#1|searched|7|50 %|1000|1 M|40.0 %|–|");
  EXPECT_THAT(page, HasSubstr("data-trial=\"1\">#1</button>"));
  EXPECT_THAT(page, Not(HasSubstr("against a random")));
  EXPECT_THAT(page, Not(HasSubstr("<svg")));
}

TEST(TwoStageSection, MissingNumbersLeaveDashes) {
  ReportData data = small_study();
  data.trials.erase(data.trials.begin() + 1);
  data.models.erase(data.models.begin() + 1);
  data.trials[0].outcome = study::Failed{};
  data.trials[1].costs.clear();
  const std::string page = section(data);
  EXPECT_EQ(row_of(page, 1), "|#1|searched|7|50 %|1000|1 M|–|70.0 %|");
  EXPECT_EQ(row_of(page, 2), "|#2|random cell|7|50 %|–|–|–|–|");
  EXPECT_EQ(row_of(page, 3), "|#3|random paths|7|50 %|–|–|45.0 %|72.0 %|");
}

TEST(TwoStageSection, AStudyThatHasJustBegunReadsWell) {
  ReportData data{.title = "new"};
  data.two_stage.emplace().cost = "macs";
  EXPECT_THAT(section(data), HasSubstr("The searches have not begun."));
  SeedHistory seed;
  seed.cell.epochs.resize(1);
  data.two_stage->seeds = {seed};
  const std::string page = section(data);
  EXPECT_THAT(page, HasSubstr("ran from 1 seed; that of paths has not begun. No network has been"));
  EXPECT_EQ(occurrences(page, "<figure"), 3u);  // losses, entropy, skip connections
  EXPECT_THAT(page, Not(HasSubstr("<table")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(render_report(data), HasSubstr("<section id=\"two-stage\">"));
}

TEST(TwoStageSection, DrawsACurveForEachSearch) {
  std::string page = section(fake_two_stage_data(2, {0.25, 0.5}));
  EXPECT_EQ(occurrences(page, "<figure class=\"chart\">"), 5u + 4u);
  for (const char* entry : {"</svg>seed 1, weights<",
                            "</svg>seed 2, architecture<",
                            "</svg>seed 2, discretised<",
                            "</svg>seed 1<",
                            "</svg>went back to<",
                            "</svg>budget 25 %, supernet<",
                            "</svg>budget 50 %<",
                            "</svg>budget<"}) {
    EXPECT_THAT(page, HasSubstr(entry));
  }
  EXPECT_THAT(page, HasSubstr("data-tip=\"seed 2 went back to epoch 15\""));
  EXPECT_THAT(page, HasSubstr("data-tip=\"budget 50 %, seed 2, epoch 8\nEntropy 0."));
  // With one of each there is nothing to tell apart.
  page = section(fake_two_stage_data(1, {0.5}));
  EXPECT_THAT(page, HasSubstr("</svg>weights<"));
  EXPECT_THAT(page, Not(HasSubstr("</svg>seed 1")));
  EXPECT_THAT(page, Not(HasSubstr("</svg>budget 50 %")));
  for (auto at = page.find("<svg "); at != std::string::npos; at = page.find("<svg ", at + 1)) {
    EXPECT_EQ(graph::xml_fault(page.substr(at, page.find("</svg>", at) + 6 - at)), "");
  }
}

TEST(TwoStageSection, SearchesOfOneNameAreLinesApart) {
  const std::string page = section(fake_two_stage_data(3, {0.25, 0.5}));
  const std::string cost = page.substr(page.find("Expected cost</figcaption>"));
  const auto at = cost.find("<path class=\"line\" d=\"M");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(occurrences(cost.substr(at, cost.find("/>", at) - at), "M"), 3u);
}

TEST(TwoStageSection, WithoutMeasurementsTheirChartsAreLeftOut) {
  ReportData data = fake_two_stage_data(1, {0.5});
  for (differentiable::CellNote& note : data.two_stage->seeds[0].cell.epochs) {
    note.supernet_miou = note.discrete_miou = std::nullopt;
    note.eigenvalue = std::nan("");
  }
  for (differentiable::PathNote& note : data.two_stage->seeds[0].paths[0].epochs)
    note.supernet_miou.reset();
  const std::string page = section(data);
  EXPECT_EQ(occurrences(page, "<figure class=\"chart\">"), 3u + 4u);
  EXPECT_EQ(occurrences(page, "mIoU on validation</figcaption>"), 1u);
  EXPECT_THAT(page, Not(HasSubstr("Largest eigenvalue</figcaption>")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(TwoStageSection, DrawsTheGatesOfTheBestNetwork) {
  ReportData data = fake_two_stage_data(2, {0.25, 0.5});
  std::string page = section(data);
  EXPECT_THAT(page, HasSubstr("Gates at the end of the search of paths, budget 50 %, seed 2"));
  EXPECT_EQ(occurrences(page, "<path class=\"gate"), 2u + 5u + 8u + 10u);
  data.models[0].model.scores["miou"] = 0.99;
  EXPECT_THAT(section(data), HasSubstr("search of paths, budget 25 %, seed 1"));
  data.models[0].model.scores["miou"] = std::nan("");
  // Random networks have no gates, however good they are.
  data.models[2].model.scores["miou"] = 0.99;
  EXPECT_THAT(section(data), HasSubstr("search of paths, budget 50 %, seed 2"));
  data.network.grid.rules.start = space::GridStart::kMultires;  // of another grid
  EXPECT_THAT(section(data), Not(HasSubstr("class=\"gate")));
}

TEST(TwoStageSection, ShowsWhatEachSeedWeighed) {
  const std::string page = section(fake_two_stage_data(2, {0.5}));
  EXPECT_EQ(occurrences(page, "<table class=\"weights\">"), 2u);
  EXPECT_EQ(occurrences(page, "<td class=\"decided\""), 2u * 7u);
  EXPECT_THAT(page, HasSubstr("<caption>Seed 1, epoch 24</caption>"));
  EXPECT_THAT(page, HasSubstr("<caption>Seed 2, epoch 15</caption>"));  // where it went back to
  EXPECT_THAT(section(small_study()), Not(HasSubstr("made of</h3>")));
}

TEST(WeightTable, FramesWhatWasDecidedAndDarkensByWeight) {
  differentiable::CellSearchHistory search;
  search.epochs.resize(2);
  search.epochs[1].epoch = 1;
  search.epochs[1].cell =
      search.cell = {1, {{1, 0, space::GridOp::kSkip}, {2, 1, space::GridOp::kSepConv3x3}}};
  search.epochs[1].weights = {{0.1, 0, 0, 0.6, 0.3, 0, 0, 0},  // none weighs, but is never chosen
                              {0.9, 0, 0, 0.1, 0, 0, 0, 0},
                              {0, 0, 0, 0.1, 0.5, 0.4, 0, 0}};
  const std::string table = render_weights(search, "<b>");
  EXPECT_THAT(table, HasSubstr("<caption>&lt;b&gt;, epoch 2</caption>"));
  EXPECT_THAT(table, HasSubstr("<th scope=\"row\">input → node 1</th>"));
  EXPECT_THAT(table, HasSubstr("<th scope=\"row\">node 1 → node 2</th>"));
  EXPECT_EQ(occurrences(table, "<tr><th scope=\"row\""), 3u);
  EXPECT_EQ(occurrences(table, "class=\"decided\""), 2u);
  EXPECT_THAT(table, HasSubstr("<td class=\"decided\" style=\"--weight: 45.0%\">60</td>"));
  EXPECT_THAT(table, HasSubstr("<td class=\"decided\" style=\"--weight: 37.5%\">50</td>"));
  EXPECT_THAT(table, HasSubstr("<td style=\"--weight: 67.5%\">90</td>"));
  search.epochs[1].weights[2][0] = std::nan("");
  EXPECT_EQ(render_weights(search, ""), "");
  search.epochs[1].weights.pop_back();
  EXPECT_EQ(render_weights(search, ""), "");
  EXPECT_EQ(render_weights({}, ""), "");
}

TEST(GatePicture, ShowsOpennessDecisionAndDependence) {
  differentiable::PathSearchHistory search;
  search.gates = {{0.75, 0.25}, {0.9, 1.2, 0, 0.5, 0.125}};
  search.deviations = {{0.02, 0.2}, {0, 0, 0, 0, 0.5}};
  search.paths = {{{0, 0}}, {{0, 0}, {0, 1}}};
  const std::string picture = render_gates(search, {}, "Gates <b>");
  EXPECT_THAT(picture, HasSubstr("Gates &lt;b&gt;"));
  EXPECT_THAT(picture, HasSubstr("class=\"gate kept\" stroke-opacity=\"0.75\""));
  EXPECT_THAT(picture, HasSubstr("class=\"gate varies\" stroke-opacity=\"0.25\""));
  EXPECT_THAT(picture, HasSubstr("class=\"gate kept\" stroke-opacity=\"1.00\""));
  EXPECT_THAT(picture,
              HasSubstr("layer 1, stride 4 to stride 8\ngate 0.25, deviation 0.20\nclosed"));
  EXPECT_EQ(occurrences(picture, "<path class=\"gate"), 7u);
  EXPECT_EQ(occurrences(picture, "<circle class=\"node kept\""), 1u + 1u + 2u);
  EXPECT_EQ(occurrences(picture, "<circle class=\"node\""), 1u + 1u);
  // A path that is kept is seen, however closed its gate.
  search.gates[0][0] = 0.001;
  EXPECT_THAT(render_gates(search, {}, ""),
              HasSubstr("class=\"gate kept\" stroke-opacity=\"0.30\""));
  // Nothing decided yet; or of another grid.
  search.paths.clear();
  EXPECT_THAT(render_gates(search, {}, ""), AllOf(HasSubstr("<svg"), Not(HasSubstr("kept\""))));
  EXPECT_EQ(render_gates({}, {}, ""), "");
  search.deviations.pop_back();
  EXPECT_EQ(render_gates(search, {}, ""), "");
  search.deviations.push_back({0});
  EXPECT_EQ(render_gates(search, {}, ""), "");
}

TEST(TwoStageStudy, RandomNetworksAreNoAchievementOfTheSearch) {
  const ReportData data = small_study();
  const View view(data);
  EXPECT_EQ(view.candidates.size(), 1u);
  EXPECT_THAT(view.on_front, testing::ElementsAre(1));  // #3 is better, #2 is smaller
  EXPECT_EQ(view.best_trial()->id, 1);
  EXPECT_FALSE(view.is_random(1));
  EXPECT_TRUE(view.is_random(3));
  EXPECT_FALSE(view.is_random(99));
  const std::string front = render_front(view);
  EXPECT_THAT(front, HasSubstr("</svg>drawn at random<"));
  EXPECT_THAT(front, HasSubstr("<h3>Candidate #1</h3>"));
  EXPECT_THAT(front, HasSubstr("1 scored candidates, 1 on the front."));
  EXPECT_THAT(front, HasSubstr("data-tip=\"#3, scored\nmIoU 45.0 %\nrandom paths, seed 7, budget"));
  EXPECT_THAT(render_history(view), HasSubstr("</svg>drawn at random<"));
  const std::string header = render_header(view);
  EXPECT_THAT(header, HasSubstr("3 candidates tried"));
  EXPECT_THAT(header, HasSubstr("2 of them drawn at random to compare with"));
  EXPECT_THAT(header, HasSubstr("it was not searched, but drawn at random."));
}

TEST(TwoStageStudy, CardsAndListsSayWhereNetworksAreFrom) {
  const ReportData data = small_study();
  const View view(data);
  EXPECT_THAT(render_card(view, data.trials[0]),
              HasSubstr("<span class=\"badge\">searched, seed 7, budget 50 %</span>"));
  EXPECT_THAT(render_card(view, data.trials[1]), HasSubstr("random cell, seed 7, budget 50 %"));
  const std::string models = render_models(view);
  EXPECT_EQ(occurrences(models, "<span class=\"badge\">random cell</span>"), 2u);
  EXPECT_EQ(occurrences(models, "<span class=\"badge\">random paths</span>"), 2u);
  EXPECT_THAT(models, HasSubstr("<details class=\"network\" id=\"network-3\">"));
}

TEST(TwoStageSection, TextFromDataIsNeverMarkup) {
  ReportData data = small_study();
  data.two_stage->cost = "latency_ms.<script>alert(1)</script>\"'&";
  const std::string page = section(data);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\"'&\"")));
}

}  // namespace
}  // namespace parsimony::report
