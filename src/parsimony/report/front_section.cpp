// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "parsimony/report/chart.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"

namespace parsimony::report {
namespace {

using study::Trial;

// The members of the front and its line in the plane of one cost: with more than two objectives a
// member of the study's front may lie off that line.
std::vector<ChartPoint> front_line(std::vector<ChartPoint> points) {
  std::stable_sort(points.begin(), points.end(), [](const ChartPoint& a, const ChartPoint& b) {
    return a.x != b.x ? a.x < b.x : a.y > b.y;
  });
  std::vector<ChartPoint> line;
  for (const ChartPoint& point : points) {
    if (line.empty() || point.y > line.back().y) line.push_back({point.x, point.y});
  }
  return line;
}

class FrontChart {
 public:
  FrontChart(const View& view, const std::string& cost) : view_(view), cost_(cost) {}

  std::string render() {
    std::vector<ChartPoint> scored, pruned, members, finals, baseline, scalings;
    for (const Trial& trial : view_.data.trials) {
      if (!view_.shows(trial.id)) continue;
      const auto point = point_of(trial, "#");
      if (!point) continue;
      if (view_.is_random(trial.id)) {
        baseline.push_back(*point);
        if (view_.models.contains(trial.id)) baseline.back().label = fmt::format("#{}", trial.id);
      } else if (!is_scored(trial)) {
        pruned.push_back(*point);
      } else if (view_.models.contains(trial.id)) {
        finals.push_back(*point);
        finals.back().label = fmt::format("#{}", trial.id);
      } else {
        (view_.on_front.contains(trial.id) ? members : scored).push_back(*point);
      }
    }
    for (const Trial& trial : view_.data.baseline) {
      if (trial.id % view_.stride == 0) add_foreign(trial, "random search, #", baseline);
    }
    for (const Trial& trial : view_.data.scalings)
      add_foreign(trial, "made smaller evenly, #", scalings);
    std::ranges::sort(scalings, {}, &ChartPoint::x);
    std::vector<ChartPoint> all = scored;
    all.insert(all.end(), members.begin(), members.end());
    all.insert(all.end(), finals.begin(), finals.end());

    const Term cost = term_of(cost_);
    const Term quality = term_of(view_.quality);
    Chart chart{.title = fmt::format("{} against {}", quality.title, title_in_sentence(cost)),
                .x_title = axis_title(cost),
                .y_title = quality.title + " on validation, higher is better",
                .x = axis_options(cost),
                .y = {.percent = quality.kind == Term::Kind::kPercent}};
    chart.description = fmt::format(
        "{} scored candidates, {} on the front. The table of all candidates holds the numbers.",
        all.size(),
        view_.front.trials.size());
    chart.series = {{"baseline",
                     view_.notes.empty() ? "random search" : "drawn at random",
                     Mark::kRing,
                     std::move(baseline)},
                    {"mean", "", Mark::kLine, scalings},
                    {"mean", "made smaller evenly", Mark::kRing, scalings},
                    {"pruned", "ended early", Mark::kCross, std::move(pruned)},
                    {"scored", "scored", Mark::kDot, std::move(scored)},
                    {"front",
                     is_front_plane() ? "Pareto front" : "front of these two alone",
                     Mark::kSteps,
                     front_line(all)},
                    {"front",
                     is_front_plane() ? "on the front" : "on the study's front",
                     Mark::kDot,
                     std::move(members)},
                    {"final", "trained to the end", Mark::kDiamond, std::move(finals)}};
    return render_chart(chart);
  }

 private:
  // Whether the study weighs just these two against each other, so that its front is the line
  // drawn.
  bool is_front_plane() const {
    return view_.objectives.size() == 2 &&
           std::any_of(view_.objectives.begin(),
                       view_.objectives.end(),
                       [this](const objective::Objective& o) { return o.name == cost_; });
  }

  // A trial of a baseline's store, which has no card.
  void add_foreign(const Trial& trial,
                   std::string_view prefix,
                   std::vector<ChartPoint>& points) const {
    auto point = is_scored(trial) ? point_of(trial, prefix) : std::nullopt;
    if (!point) return;
    point->trial = 0;
    points.push_back(*point);
  }

  std::optional<ChartPoint> point_of(const Trial& trial, std::string_view prefix) const {
    const auto x = value_of(trial, cost_);
    const auto y = value_of(trial, view_.quality);
    if (!x || !y || !trial.outcome) return std::nullopt;
    std::string tip = fmt::format("{}{}, {}", prefix, trial.id, word_of(trial));
    tip += fmt::format("\n{} {}", term_of(view_.quality).title, format_score(view_.quality, *y));
    if (const auto note = view_.notes.find(trial.id); prefix == "#" && note != view_.notes.end())
      tip += fmt::format("\n{}", describe(*note->second));
    if (view_.data.rewards.size() > 1 && prefix == "#")
      tip += fmt::format("\nby the search for reward {}", trial.setting + 1);
    for (const std::string& cost : view_.costs) {
      if (const auto value = value_of(trial, cost)) {
        tip += fmt::format("\n{} {}", term_of(cost).title, format_score(cost, *value));
      }
    }
    if (const auto model = view_.models.find(trial.id);
        prefix == "#" && model != view_.models.end()) {
      for (const std::string& score : view_.test_scores) {
        if (const auto value = value_of(*model->second, score)) {
          tip += fmt::format(
              "\nTest {} {}", title_in_sentence(term_of(score)), format_score(score, *value));
        }
      }
    }
    return ChartPoint{*x, *y, std::move(tip), trial.id};
  }

  const View& view_;
  const std::string& cost_;
};

// Whether the search was worth its name: same measure, same number of candidates.
std::string comparison(const View& view) {
  if (view.data.baseline.empty()) return {};
  std::vector<Trial> both = view.candidates;
  both.insert(both.end(), view.data.baseline.begin(), view.data.baseline.end());
  const study::Scale scale = study::scale_of(both, view.objectives);
  const auto search = study::hypervolume_over_time(view.candidates, view.objectives, scale);
  const auto random = study::hypervolume_over_time(view.data.baseline, view.objectives, scale);
  const std::size_t budget = std::min(search.size(), random.size());
  if (budget == 0) return {};
  const double found = search[budget - 1];
  const double chance = random[budget - 1];
  const std::string_view verdict =
      found > chance   ? "the search paid"
      : found < chance ? "the search did not pay: random search found the better front"
                       : "neither is ahead";
  return fmt::format(
      "<p class=\"verdict\">After {} candidates each, the search's front has hypervolume {:.3f}, "
      "that of "
      "random search {:.3f}: <b>{}</b>.</p>\n",
      budget,
      found,
      chance,
      verdict);
}

}  // namespace

std::string render_front(const View& view) {
  const bool any_scored = view.summary.scored > 0;
  const std::string choice =
      any_scored
          ? "Choose a point, with the pointer or the arrow keys and Enter, to see its network."
          : "";
  std::string out = open_section(
      "front",
      "Pareto front",
      "No other candidate is at least as good in every objective and better in one. " + choice);
  if (!any_scored || view.costs.empty()) {
    put(out,
        R"(<p class="empty">{}</p></section>)",
        any_scored
            ? "The candidates carry no costs, so there is nothing to weigh their quality against."
            : "There is no front yet: no candidate has been scored.");
    return out;
  }
  out += comparison(view);
  out += "<div class=\"charts\">\n";
  for (const std::string& cost : view.costs) out += FrontChart(view, cost).render();
  out += "</div>\n";
  const Trial* first = nullptr;
  if (const ReportedModel* model = view.best_model();
      model != nullptr && !view.is_random(model->model.trial)) {
    const auto trial = view.trials.find(model->model.trial);
    if (trial != view.trials.end()) first = trial->second;
  }
  if (first == nullptr) first = view.best_trial();
  if (first != nullptr) {
    put(out,
        R"(<div class="card" id="card" aria-live="polite">{}</div>)",
        render_card(view, *first));
  }
  out += "</section>\n";
  return out;
}

}  // namespace parsimony::report
