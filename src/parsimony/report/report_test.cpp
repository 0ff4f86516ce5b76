// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/graph/testing.h"
#include "parsimony/report/html.h"
#include "parsimony/report/testing.h"

namespace parsimony::report {
namespace {

using graph::occurrences;
using testing::HasSubstr;
using testing::Not;

const std::string& rich_page() {
  static const std::string page = render_report(fake_report_data());
  return page;
}

TEST(Report, EveryTrialHasACardAndARow) {
  for (int id = 1; id <= 160; ++id) {
    EXPECT_THAT(rich_page(), HasSubstr(fmt::format("<template id=\"trial-{}\">", id)));
    EXPECT_THAT(
        rich_page(),
        HasSubstr(fmt::format("class=\"link\" data-trial=\"{}\">#{}</button></th>", id, id)));
  }
}

TEST(Report, EveryPartIsThere) {
  for (const char* id : {"front",
                         "networks",
                         "classes",
                         "samples",
                         "history",
                         "outcomes",
                         "cost",
                         "candidates",
                         "definitions",
                         "reproduce"}) {
    EXPECT_THAT(rich_page(), HasSubstr(fmt::format("<section id=\"{}\">", id)));
    EXPECT_THAT(rich_page(), HasSubstr(fmt::format("<a href=\"#{}\">", id)));
  }
  EXPECT_THAT(rich_page(), HasSubstr("Reward against parameters"));
  EXPECT_THAT(rich_page(), HasSubstr("Reward against multiply-accumulates"));
  EXPECT_THAT(rich_page(), HasSubstr("Entropy of the controller"));
  EXPECT_THAT(rich_page(), HasSubstr("the search paid"));
  EXPECT_THAT(rich_page(), HasSubstr("out of memory"));
  EXPECT_THAT(rich_page(), HasSubstr("parsimony search configs/portraits.yaml --set seed=7"));
}

// The same study, had its networks other scores than those of classes.
ReportData with_test_scores(const std::vector<objective::Scores>& scores) {
  ReportData data = fake_report_data(20);
  data.classes.clear();
  data.models.resize(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    data.models[i].model.scores = scores[i];
    data.models[i].metrics = TestMetrics{.images = 200};
  }
  return data;
}

TEST(Report, OfPosesShowsWhatPosesAreJudgedBy) {
  ReportData data = with_test_scores({{{"pck", 0.551}, {"pckh", 0.7}}, {{"pck", 0.612}}});
  data.joints = {"left <wrist>", "neck"};
  data.models[0].metrics->pck = {0.4, std::nullopt};
  const std::string page = render_report(data);
  EXPECT_THAT(page, HasSubstr("<dt>Best test PCK</dt><dd><b>61.2 %</b>"));
  EXPECT_THAT(page, HasSubstr("class=\"num\">PCK, test</th>"));
  EXPECT_THAT(page, HasSubstr("55.1 % test PCK"));
  EXPECT_THAT(page, HasSubstr("<section id=\"joints\">"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">left &lt;wrist&gt;</th>"));
  EXPECT_THAT(page, Not(HasSubstr("mIoU, test")));
  EXPECT_THAT(page, Not(HasSubstr("<section id=\"classes\">")));
}

TEST(Report, TheBestNetworkHasTheSmallestError) {
  ReportData data =
      with_test_scores({{{"rmse", 0.74}, {"delta1", 0.6}}, {{"rmse", 0.9}, {"delta1", 0.7}}});
  data.objectives = objective::objectives_by_name({"rmse", "params"});
  EXPECT_THAT(render_report(data), HasSubstr("<dt>Best test RMSE</dt><dd><b>0.740 m</b>"));
  // What the study asks for first decides.
  data.objectives = objective::objectives_by_name({"delta1", "rmse", "params"});
  const std::string page = render_report(data);
  EXPECT_THAT(page, HasSubstr("<b>70.0 %</b>"));
  EXPECT_THAT(page, HasSubstr("Depth δ1, test</th>"));
  EXPECT_THAT(page, HasSubstr("RMSE, test</th>"));
}

// Networks are trained wider than they were searched: what is told with their test score is theirs.
TEST(Report, ATrainedNetworkHasItsOwnCosts) {
  ReportData data = fake_report_data(20);
  ASSERT_FALSE(data.models.empty());
  data.models.resize(1);
  data.models[0].model.scores = {{"params", 9'870'000}, {"macs", 65'400'000'000}};
  const std::string page = render_report(data);
  EXPECT_THAT(page, HasSubstr("with 9.87 M parameters"));
  EXPECT_THAT(page, HasSubstr("<dt>Its parameters</dt><dd><b>9.87 M</b><span>65.4 G MACs"));
  EXPECT_THAT(page, HasSubstr("<dt>Parameters, trained network</dt><dd>9.87 M</dd>"));
  EXPECT_THAT(page, HasSubstr("<td class=\"num\" data-v=\"9870000\">9.87 M</td>"));
}

TEST(Report, AllDrawingsAreWellFormed) {
  std::size_t count = 0;
  std::string_view rest = rich_page();
  for (auto at = rest.find("<svg "); at != std::string_view::npos; at = rest.find("<svg ")) {
    rest.remove_prefix(at);
    const auto end = rest.find("</svg>") + 6;
    EXPECT_EQ(graph::xml_fault(rest.substr(0, end)), "");
    rest.remove_prefix(end);
    ++count;
  }
  EXPECT_GT(count, 100u);
}

TEST(Report, LoadsNothing) {
  EXPECT_THAT(rich_page(), HasSubstr("default-src 'none'"));
  // The name of the SVG format is the only address on the page.
  std::string page = rich_page();
  EXPECT_EQ(occurrences(page, "http://"),
            occurrences(page, "xmlns=\"http://www.w3.org/2000/svg\""));
  for (const char* reference :
       {"https://", "url(", "@import", "<link", "src=\"//", "fetch(", "XMLHttpRequest"}) {
    EXPECT_THAT(page, Not(HasSubstr(reference)));
  }
}

TEST(Report, TextFromDataIsNeverMarkup) {
  const std::string evil = "<script>alert(1)</script>\"'&";
  ReportData data = fake_report_data(12);
  data.title = data.version = data.seed = data.machine = data.command = data.resolved_study = evil;
  data.classes = {evil, evil};
  data.objectives = {{evil, objective::Direction::kMaximize, evil},
                     {"params", objective::Direction::kMinimize, evil}};
  data.diagnostics[evil][0] = {{1, 2.0}, {2, 3.0}};
  data.models.resize(1);
  data.models[0].model.folder = evil;
  for (Sample& sample : data.models[0].samples) {
    sample.name = evil;
    sample.image.media_type = evil;
  }
  for (study::Trial& trial : data.trials) {
    trial.genotype = evil;
    trial.costs[evil] = 1;
    const int kind = static_cast<int>(trial.id % 3);
    if (kind == 0) trial.outcome = study::Scored{{{evil, 0.5}, {"reward", 0.5}}};
    if (kind == 1) trial.outcome = study::Pruned{evil, evil, {{evil, 0.5}}};
    if (kind == 2) trial.outcome = study::Failed{study::FailureReason::kError, evil};
  }
  const std::string page = render_report(data);
  EXPECT_EQ(occurrences(page, "<script>"), 1u);
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(page, Not(HasSubstr("\"'&")));
}

TEST(Report, EmptyStudyReadsWell) {
  const std::string page = render_report({.title = "new"});
  EXPECT_THAT(page, HasSubstr("No candidate has been tried yet"));
  EXPECT_THAT(page, HasSubstr("There is no front yet"));
  EXPECT_THAT(page, HasSubstr("nothing tried yet"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("<a href=\"#samples\">")));
}

TEST(Report, RunningAndFailedStudiesReadWell) {
  ReportData data = fake_report_data(9);
  data.models.clear();
  data.baseline.clear();
  data.events = {{1, data.trials[0].started, "started", ""}};
  for (study::Trial& trial : data.trials) {
    trial.state = study::TrialState::kRunning;
    trial.outcome.reset();
  }
  std::string page = render_report(data);
  EXPECT_THAT(page, HasSubstr("not finished"));
  EXPECT_THAT(page, HasSubstr("0 failed, 9 running"));
  EXPECT_THAT(page, HasSubstr("still being evaluated"));
  for (study::Trial& trial : data.trials) {
    trial.state = study::TrialState::kDone;
    trial.outcome = study::Failed{study::FailureReason::kOutOfMemory, ""};
  }
  data.events.push_back({2, data.trials[8].started + 60, "interrupted", ""});
  page = render_report(data);
  EXPECT_THAT(page, HasSubstr("0 pruned, 9 failed"));
  EXPECT_THAT(page, HasSubstr(">interrupted<"));
  EXPECT_THAT(page, HasSubstr("and 1 more"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(Report, ASearchThatDidNotPaySaysSo) {
  ReportData data = fake_report_data(60);
  std::swap(data.trials, data.baseline);
  data.models.clear();
  EXPECT_THAT(render_report(data), HasSubstr("the search did not pay"));
}

TEST(Report, ShowsTheNetworkMadeSmallerEvenly) {
  ReportData data = fake_report_data(30);
  EXPECT_THAT(render_report(data), Not(HasSubstr("made smaller evenly")));
  data.scalings.assign(data.baseline.begin(), data.baseline.begin() + 5);
  EXPECT_THAT(render_report(data), HasSubstr("made smaller evenly, #"));
}

TEST(Report, VeryManyTrialsAreThinnedAndSaidSo) {
  ReportData data = fake_report_data(8);
  const std::vector<study::Trial> few = data.trials;
  while (data.trials.size() < 9000) {
    study::Trial trial = few[data.trials.size() % few.size()];
    trial.id = static_cast<study::TrialId>(data.trials.size() + 1);
    trial.same_as.reset();
    data.trials.push_back(trial);
  }
  const std::string page = render_report(data);
  EXPECT_THAT(page, HasSubstr("show one in 3, beside"));
  EXPECT_THAT(page, HasSubstr("<b>9000</b>"));
  EXPECT_LT(occurrences(page, "<template"), 3200u);
}

TEST(Report, FiguresThatAreNotNumbersLeaveNoTrace) {
  ReportData data = fake_report_data(20);
  data.models.resize(1);
  data.diagnostics["entropy"][0] = {{1, std::nan("")}};
  data.models[0].metrics->miou = std::nan("");
  const std::string page = render_report(data);
  EXPECT_THAT(page, Not(HasSubstr("nan%")));
  EXPECT_THAT(page, Not(HasSubstr("Entropy of the controller")));
}

TEST(Html, Base64) {
  const auto encode = [](std::string_view text) {
    return base64(std::vector<std::uint8_t>(text.begin(), text.end()));
  };
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace parsimony::report
