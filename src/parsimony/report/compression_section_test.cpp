// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/graph/testing.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/testing.h"

namespace parsimony::report {
namespace {

using graph::occurrences;
using testing::HasSubstr;
using testing::Not;

study::Trial part(study::TrialId id, std::string genotype, double miou, objective::Scores costs) {
  study::Trial trial;
  trial.id = id;
  trial.state = study::TrialState::kDone;
  trial.genotype = std::move(genotype);
  trial.costs = std::move(costs);
  trial.outcome = study::Scored{{{"miou", miou}}};
  return trial;
}

ReportedModel model(study::TrialId id, double frozen, double recalibrated, double tuned) {
  ReportedModel model;
  model.model.trial = id;
  model.model.folder = "models/" + std::to_string(id);
  model.model.scores = {
      {"miou_frozen", frozen}, {"miou_recalibrated", recalibrated}, {"miou", tuned}};
  return model;
}

objective::Scores costs(double macs, double params, double latency) {
  return {{"macs", macs}, {"params", params}, {"latency_ms.gap8", latency}};
}

// Small enough to be reckoned by hand.
ReportData small_study() {
  ReportData data{.title = "small"};
  data.objectives = {objective::objective_by_name("miou"),
                     objective::objective_by_name("params"),
                     objective::objective_by_name("latency_ms.gap8")};
  data.trials = {part(1, "[0,0,0]", 0.80, costs(100, 100, 220)),
                 part(2, "[1,0,0]", 0.78, costs(90, 80, 150)),
                 part(3, "[1,1,0]", 0.74, costs(80, 70, 120)),
                 part(4, "[1,1,1]", 0.60, costs(50, 40, 101)),
                 part(5, "[2,1,1]", 0.50, costs(45, 30, 90))};
  data.models = {model(1, 0.79, 0.78, 0.82),
                 model(2, 0.70, 0.70, 0.80),
                 model(3, 0.60, 0.70, 0.81),
                 model(4, 0.20, 0.60, 0.70),
                 model(5, 0.40, 0.50, 0.65)};
  return data;
}

std::string section(const ReportData& data) {
  const View view(data);
  return render_compression(view);
}

// Cells of the table row that contains `mark`, without markup: "a|b|c".
std::string row_with(const std::string& page, const std::string& mark) {
  const auto at = page.find(mark);
  if (at == std::string::npos) return "no such row";
  const auto begin = page.rfind("<tr>", at);
  std::string text;
  bool in_tag = false;
  for (const char c : page.substr(begin, page.find("</tr>", at) - begin)) {
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

TEST(CompressionSection, IsOfStudiesOverASupernetOnly) {
  EXPECT_EQ(section(fake_report_data(20)), "");
  EXPECT_EQ(section({.title = "empty"}), "");
  EXPECT_THAT(render_report(fake_report_data(20)), Not(HasSubstr("compression")));
  const std::string page = render_report(fake_compression_data(3));
  EXPECT_THAT(page, HasSubstr("<section id=\"compression\">"));
  EXPECT_THAT(page, HasSubstr("<a href=\"#compression\">"));
}

TEST(CompressionSection, StatesWhatWasKeptAndWhatItIsWorth) {
  const std::string page = section(small_study());
  // Parameters, MACs, latency; search, frozen, recalibrated, fine-tuned; points against the whole.
  EXPECT_EQ(row_with(page, "<a href=\"#network-3\">#3</a></th>"),
            "|#3|70.0 %|80.0 %|54.5 %|74.0 %|60.0 %|70.0 %|81.0 %|-8.00|-1.00|");
  EXPECT_EQ(row_with(page, "<a href=\"#network-1\">#1</a>"),
            "|#1| |supernet|100.0 %|100.0 %|100.0 %|80.0 %|79.0 %|78.0 %|82.0 %|–|–|");
}

TEST(CompressionSection, ComparesWithWhatIsPublished) {
  const std::string page = section(small_study());
  EXPECT_EQ(row_with(page, "10 % fewer MACs and 20 % fewer parameters"),
            "|10 % fewer MACs and 20 % fewer parameters|less than 3 %|#2|, search|"
            "the supernet in the search, 80.0 %|2.00 points (2.50 %)|");
  // Without training the supernet is best as it came, frozen, with 79 %.
  EXPECT_EQ(row_with(page, "2.00 points better"),
            "|#3|, fine-tuned|the supernet as it came, 79.0 %|2.00 points better (2.53 %)|");
  EXPECT_EQ(row_with(page, "1.00 points"),
            "|#3|, fine-tuned|the supernet fine-tuned alike, 82.0 %|1.00 points (1.22 %)|");
  EXPECT_EQ(row_with(page, "2.2 times faster on GAP8"),
            "|2.2 times faster on GAP8|7.61 %|#5|, search|"
            "the supernet in the search, 80.0 %|30.00 points (37.50 %)|");
  EXPECT_THAT(page, HasSubstr("14.00 points (17.72 %)"));
  EXPECT_THAT(page, HasSubstr("17.00 points (20.73 %)"));
}

TEST(CompressionSection, CostsOfTrainedNetworksComeBeforeThoseOfTheSearch) {
  ReportData data = small_study();
  data.models[0].model.scores["macs"] = 1000;
  data.models[2].model.scores["macs"] = 950;  // no longer 10 % fewer
  const std::string page = section(data);
  EXPECT_THAT(row_with(page, "the supernet fine-tuned alike"), HasSubstr("|#2|"));
  EXPECT_THAT(row_with(page, "<a href=\"#network-3\">#3</a></th>"), HasSubstr("|70.0 %|95.0 %|"));
  // A count of one source says nothing beside a count of the other.
  data.models[0].model.scores.erase("macs");
  EXPECT_THAT(row_with(section(data), "<a href=\"#network-3\">#3</a></th>"),
              HasSubstr("|70.0 %|80.0 %|"));
}

TEST(CompressionSection, SaysWhereNobodyMeetsATarget) {
  ReportData data = small_study();
  data.trials[4].costs["latency_ms.gap8"] = 101;
  std::string page = section(data);
  EXPECT_EQ(row_with(page, "2.2 times faster"),
            "|2.2 times faster on GAP8|7.61 %|None of 5 scored candidates is cheap enough.|");
  EXPECT_EQ(row_with(page, "No fine-tuned network"), "|No fine-tuned network is cheap enough.|");
  for (study::Trial& trial : data.trials) trial.costs.erase("latency_ms.gap8");
  page = section(data);
  EXPECT_THAT(page, Not(HasSubstr("GAP8")));  // this study knows nothing of that device
  EXPECT_THAT(page, HasSubstr("10 % fewer MACs"));
}

TEST(CompressionSection, RankCorrelations) {
  ReportData data = small_study();
  std::string page = section(data);
  EXPECT_EQ(row_with(page, "the search, validation split"),
            "|the search, validation split|5|0.80|0.90|");
  EXPECT_EQ(row_with(page, "frozen networks"), "|frozen networks, test split|5|0.60|0.80|");
  // With a tie.
  EXPECT_EQ(row_with(page, "recalibrated networks"),
            "|recalibrated networks, test split|5|0.95|0.97|");
  data.models.resize(4);
  data.models[3].model.scores.erase("miou_frozen");
  page = section(data);
  EXPECT_EQ(row_with(page, "the search, validation split"),
            "|the search, validation split|4|0.67|0.80|");
  EXPECT_EQ(row_with(page, "frozen networks"), "|frozen networks, test split|3|too few to say|");
}

TEST(CompressionSection, DrawsFineTuningAgainstEveryCost) {
  const ReportData data = fake_compression_data();
  const std::string page = section(data);
  EXPECT_EQ(occurrences(page, "<figure class=\"chart\">"), 3u);
  EXPECT_THAT(page, HasSubstr("Fine-tuning, against parameters"));
  EXPECT_THAT(page, HasSubstr("Fine-tuning, against estimated latency on gap8"));
  EXPECT_THAT(page, HasSubstr("before, recalibrated"));
  // An arrow for each network that changes visibly, and one in each legend.
  EXPECT_GT(occurrences(page, "<path class=\"stroke\""), 3 * 5u);
  // Both states of all six networks open the network's card.
  for (const ReportedModel& reported : data.models) {
    EXPECT_EQ(occurrences(page, fmt::format("data-tip=\"#{},", reported.model.trial)), 6u);
  }
  for (auto at = page.find("<svg "); at != std::string::npos; at = page.find("<svg ", at + 1)) {
    EXPECT_EQ(graph::xml_fault(page.substr(at, page.find("</svg>", at) + 6 - at)), "");
  }
}

TEST(CompressionSection, AnUnfinishedStudyHasItsSearchOnly) {
  ReportData data = small_study();
  data.models.clear();
  const std::string page = section(data);
  EXPECT_THAT(page, HasSubstr("No network has been fine-tuned yet"));
  EXPECT_THAT(page, HasSubstr("2.00 points (2.50 %)"));
  EXPECT_THAT(page, Not(HasSubstr("<svg")));
  EXPECT_THAT(page, Not(HasSubstr("too few to say")));
  EXPECT_THAT(page, Not(HasSubstr("No fine-tuned network")));
  // Not even the supernet has been measured.
  for (study::Trial& trial : data.trials) {
    trial.outcome.reset();
    trial.costs.clear();
  }
  EXPECT_THAT(section(data), HasSubstr("No network has been fine-tuned yet"));
}

TEST(CompressionSection, MissingNumbersLeaveDashes) {
  ReportData data = small_study();
  data.models.erase(data.models.begin());  // the supernet was not fine-tuned
  for (ReportedModel& reported : data.models) reported.model.scores.erase("miou_recalibrated");
  data.models[1].model.scores.clear();
  data.models[2].model.scores["miou"] = std::nan("");
  std::string page = section(data);
  EXPECT_EQ(row_with(page, "<a href=\"#network-3\">#3</a></th>"),
            "|#3|70.0 %|80.0 %|54.5 %|74.0 %|–|–|–|–|");
  EXPECT_THAT(row_with(page, "the supernet fine-tuned alike"), HasSubstr("|not measured|"));
  EXPECT_THAT(page, HasSubstr("before, frozen"));
  EXPECT_THAT(page, HasSubstr("Change, frozen"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  data.models[0].model.trial = 77;  // of which the study holds no candidate
  page = section(data);
  EXPECT_EQ(row_with(page, "#network-77"), "|#77|–|–|–|–|70.0 %|80.0 %|–|–|");
}

TEST(CompressionSection, TellsHowMuchWasShared) {
  ReportData data = small_study();
  EXPECT_THAT(section(data), Not(HasSubstr("computed once")));
  data.events = {{1, 1, "sharing", "parts taken over: 1.00 x"},
                 {2, 2, "sharing", "parts taken over: 1.31 x <b>"},
                 {3, 3, "finished", ""}};
  const std::string page = section(data);
  EXPECT_THAT(page, HasSubstr("computed once: parts taken over: 1.31 x &lt;b&gt;."));
  EXPECT_THAT(page, Not(HasSubstr("1.00 x")));
}

TEST(CompressionSection, TextFromDataIsNeverMarkup) {
  const std::string evil = "latency_ms.<script>alert(1)</script>\"'&";
  ReportData data = small_study();
  for (study::Trial& trial : data.trials) trial.costs[evil] = 2;
  for (ReportedModel& reported : data.models) {
    reported.model.scores[evil] = 3;
    reported.model.folder = evil;
  }
  data.events = {{1, 1, "sharing", evil}};
  const std::string page = section(data);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\"'&\"")));
}

TEST(Card, OfAPartOfASupernetDrawsIt) {
  ReportData data = fake_compression_data(6);
  const View view(data);
  const std::string drawing =
      graph::draw(space::parse_genotype(data.trials[4].genotype), data.network).front().svg;
  const std::string card = render_card(view, data.trials[4]);
  EXPECT_THAT(card, HasSubstr(drawing));
  EXPECT_THAT(card, HasSubstr("<dt>mIoU before training, statistics frozen, test</dt>"));
}

TEST(Card, OfAnotherSupernetsPartHasNoDrawing) {
  ReportData data = fake_compression_data(6);
  data.trials[4].genotype = "[1,1]";
  data.trials[5].genotype = "[1,";
  const View view(data);
  for (const std::size_t i : {4u, 5u}) {
    const std::string card = render_card(view, data.trials[i]);
    EXPECT_THAT(card, HasSubstr("<code>[1,"));
    EXPECT_THAT(card, Not(HasSubstr("<svg")));
    EXPECT_EQ(occurrences(card, "<div"), occurrences(card, "</div>"));
  }
  const std::string page = render_report(data);
  EXPECT_EQ(occurrences(page, "<div"), occurrences(page, "</div>"));
  EXPECT_THAT(page, HasSubstr("<template id=\"trial-6\">"));
}

}  // namespace
}  // namespace parsimony::report
