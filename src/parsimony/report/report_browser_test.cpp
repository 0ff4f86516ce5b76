// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "parsimony/core/files.h"
#include "parsimony/report/testing.h"

namespace parsimony::report {
namespace {

using testing::HasSubstr;
using testing::Not;

// Opens a rendered page in a real browser, inside a frame of the width of a telephone: a browser
// window itself cannot be made that narrow. The frame's page plays a user and reports what it sees.
class ReportInBrowser : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v chromium >/dev/null 2>&1") != 0) {
      GTEST_SKIP() << "NOT TESTED: chromium is not installed, so no report was opened in a browser";
    }
  }

  // The document of the outer page after `script` ran with the report's document as `page`.
  std::string open(const ReportData& data, int width, const std::string& script) {
    core::write_file_atomic(folder_.path() / "report.html", render_report(data));
    const std::string outer = fmt::format(
        R"html(<!doctype html><html><body><script>
function look(frame) {{
  const page = frame.contentDocument;
  const view = frame.contentWindow;
  const root = document.documentElement;
  try {{ {} }} catch (error) {{ root.dataset.error = String(error); }}
  for (const [name, value] of Object.entries(page.documentElement.dataset)) root.dataset[name] = value;
}}
</script><iframe style="width:{}px;height:800px;border:0" src="report.html" onload="look(this)"></iframe></body></html>)html",
        script,
        width);
    core::write_file_atomic(folder_.path() / "outer.html", outer);
    const auto dom = folder_.path() / "dom.html";
    const std::string command = fmt::format(
        "timeout 240 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
        " --disable-background-networking --disable-component-update --disable-sync"
        " --allow-file-access-from-files --user-data-dir={0}/profile{1} --dump-dom "
        "file://{0}/outer.html > {2} 2> {0}/log",
        folder_.path().string(),
        ++runs_,
        dom.string());
    EXPECT_EQ(std::system(command.c_str()), 0) << core::read_text_file(folder_.path() / "log");
    return core::read_text_file(dom);
  }

  core::TemporaryFolder folder_;
  int runs_ = 0;
};

TEST_F(ReportInBrowser, FitsATelephoneAndAnswersItsUser) {
  const std::string dom = open(fake_report_data(60), 390, R"js(
    root.dataset.width = view.innerWidth;
    root.dataset.images = [...page.images].every((image) => image.naturalWidth > 0);
    const mark = page.querySelector('.chart [data-trial="7"]');
    mark.dispatchEvent(new view.MouseEvent('click', {bubbles: true}));
    root.dataset.card = page.querySelector('#card h3').textContent;
    mark.dispatchEvent(new view.PointerEvent('pointermove', {bubbles: true, clientX: 380, clientY: 40}));
    root.dataset.tip = page.getElementById('tip').textContent.split('\n')[0];
    root.dataset.tipright = page.getElementById('tip').getBoundingClientRect().right <= 390;
    const chart = page.querySelector('.chart > svg');
    for (const key of ['ArrowRight', 'ArrowRight', 'Enter']) {
      chart.dispatchEvent(new view.KeyboardEvent('keydown', {key, bubbles: true}));
    }
    root.dataset.walked = page.querySelector('#card h3').textContent;
    const button = page.querySelector('.legend button');
    button.click();
    root.dataset.hidden = page.querySelectorAll('.chart .off').length > 0 && button.getAttribute('aria-pressed') === 'false';
    const table = page.querySelector('table.trials');
    table.tHead.rows[0].cells[2].querySelector('button').click();
    const values = [...table.tBodies[0].rows].map((row) => row.cells[2].dataset.v).filter((v) => v !== '').map(Number);
    root.dataset.sorted = values.length > 10 && values.every((v, i) => i === 0 || values[i - 1] <= v);
    page.querySelectorAll('details').forEach((details) => { details.open = true; });
    view.dispatchEvent(new Event('resize'));
  )js");
  const std::string html = dom.substr(0, dom.find("<head>"));
  EXPECT_THAT(html, Not(HasSubstr("data-error")));
  EXPECT_THAT(html, HasSubstr("data-width=\"390\""));
  EXPECT_THAT(html, HasSubstr("data-overflow=\"false\""));
  EXPECT_THAT(html, Not(HasSubstr("data-points=\"0\"")));
  EXPECT_THAT(html, HasSubstr("data-points="));
  EXPECT_THAT(html, HasSubstr("data-images=\"true\""));
  EXPECT_THAT(html, HasSubstr("data-card=\"Candidate #7\""));
  EXPECT_THAT(html, HasSubstr("data-tip=\"#7, "));
  EXPECT_THAT(html, HasSubstr("data-tipright=\"true\""));
  EXPECT_THAT(html, HasSubstr("data-walked=\"Candidate #"));
  EXPECT_THAT(html, HasSubstr("data-hidden=\"true\""));
  EXPECT_THAT(html, HasSubstr("data-sorted=\"true\""));
}

TEST_F(ReportInBrowser, PartsOfASupernetFitATelephoneAndOpenTheirCards) {
  const std::string dom = open(fake_compression_data(), 390, R"js(
    const section = page.getElementById('compression');
    section.querySelector('.chart [data-trial="14"]').dispatchEvent(new view.MouseEvent('click', {bubbles: true}));
    root.dataset.card = page.querySelector('#card h3').textContent;
    root.dataset.drawn = page.querySelector('#card .drawings svg') !== null;
    const table = section.querySelector('table.sortable');
    table.tHead.rows[0].cells[1].querySelector('button').click();
    root.dataset.cheapest = table.tBodies[0].rows[0].cells[0].textContent;
  )js");
  const std::string html = dom.substr(0, dom.find("<head>"));
  EXPECT_THAT(html, Not(HasSubstr("data-error")));
  EXPECT_THAT(html, HasSubstr("data-overflow=\"false\""));
  EXPECT_THAT(html, HasSubstr("data-card=\"Candidate #14\""));
  EXPECT_THAT(html, HasSubstr("data-drawn=\"true\""));
  EXPECT_THAT(html, HasSubstr("data-cheapest=\"#38\""));
}

TEST_F(ReportInBrowser, ATwoStageSearchFitsATelephoneAndTellsItsNumbers) {
  const std::string dom = open(fake_two_stage_data(), 390, R"js(
    const section = page.getElementById('two-stage');
    const tip = (mark) => {
      mark.dispatchEvent(new view.PointerEvent('pointermove', {bubbles: true, clientX: 40, clientY: 40}));
      return page.getElementById('tip').textContent.replaceAll('\n', '; ');
    };
    root.dataset.gate = tip(section.querySelector('.gate'));
    root.dataset.curve = tip(section.querySelector('.small [data-tip]'));
    const gates = section.querySelector('.gates > svg');
    gates.dispatchEvent(new view.KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
    root.dataset.walked = gates.querySelector('.at') !== null;
    const table = section.querySelector('table.sortable');
    for (let i = 0; i < 2; ++i) table.tHead.rows[0].cells[7].querySelector('button').click();
    root.dataset.best = table.tBodies[0].rows[0].cells[1].textContent;
  )js");
  const std::string html = dom.substr(0, dom.find("<head>"));
  EXPECT_THAT(html, Not(HasSubstr("data-error")));
  EXPECT_THAT(html, HasSubstr("data-overflow=\"false\""));
  EXPECT_THAT(html, HasSubstr("data-gate=\"layer 1, stride 4 to stride 4; gate 0."));
  EXPECT_THAT(html, HasSubstr("data-curve=\"seed 1, epoch 1; Losses, weights: "));
  EXPECT_THAT(html, HasSubstr("data-walked=\"true\""));
  EXPECT_THAT(html, HasSubstr("data-best=\"random paths\""));
}

TEST_F(ReportInBrowser, RunsNothingThatDataBrings) {
  ReportData data = fake_report_data(6);
  data.title = "<img src=x onerror=\"document.documentElement.dataset.error='title'\">";
  data.classes = {data.title};
  data.trials[0].genotype =
      "</template><script>document.documentElement.dataset.error='genotype'</script>";
  const std::string dom =
      open(data, 1200, "root.dataset.heading = page.querySelector('h1').textContent;");
  const std::string html = dom.substr(0, dom.find("<head>"));
  EXPECT_THAT(html, Not(HasSubstr("data-error")));
  EXPECT_THAT(html, HasSubstr("data-heading=\"&lt;img"));
  EXPECT_THAT(html, HasSubstr("data-overflow=\"false\""));
}

TEST_F(ReportInBrowser, AnEmptyStudyShowsWithoutFault) {
  const std::string dom = open({.title = "empty"}, 390, "");
  const std::string html = dom.substr(0, dom.find("<head>"));
  EXPECT_THAT(html, Not(HasSubstr("data-error")));
  EXPECT_THAT(html, HasSubstr("data-overflow=\"false\""));
  EXPECT_THAT(html, HasSubstr("data-points=\"0\""));
}

}  // namespace
}  // namespace parsimony::report
