// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/report/axis.h"
#include "parsimony/study/trial.h"

namespace parsimony::report {

struct ChartPoint {
  double x = 0, y = 0;
  std::string tip = {};      // lines shown when pointed at
  study::TrialId trial = 0;  // opens this trial's card; 0: none
  std::string label = {};    // written beside the point where there is room
  bool apart = false;        // a line begins anew here
};

enum class Mark {
  kDot,   // filled
  kRing,  // hollow
  kCross,
  kDiamond,
  kRug,  // a stroke at the lower edge: something happened that has no value
  kLine,
  kCurve,   // a line with its points marked
  kSteps,   // keeps a value until the next point
  kArrows,  // from each point at an even place to the one behind it
};

struct ChartSeries {
  std::string style;  // classes in report.css: "scored", "front", "second dashed", ...
  std::string name;   // in the legend; empty: not listed
  Mark mark = Mark::kDot;
  std::vector<ChartPoint> points = {};
};

struct Chart {
  std::string title;
  std::string x_title = {}, y_title = {};
  AxisOptions x = {}, y = {};
  std::string description = {};  // read out by screen readers
  std::vector<ChartSeries> series = {};
};

// A figure with an SVG, drawn in the order of the series, and a legend whose entries switch series
// on and off. Every chart has the same proportions, so that they align.
std::string render_chart(const Chart& chart);

}  // namespace parsimony::report
