// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "parsimony/report/chart.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"

namespace parsimony::report {
namespace {

using study::Trial;

std::string tip_of(const View& view, const Trial& trial) {
  std::string tip = fmt::format("#{}, {}", trial.id, word_of(trial));
  if (const auto value = value_of(trial, view.quality)) {
    tip += fmt::format("\n{} {}", term_of(view.quality).title, format_score(view.quality, *value));
  }
  if (!trial.outcome) return tip;
  if (const auto* failed = std::get_if<study::Failed>(&*trial.outcome))
    tip += fmt::format("\n{}", study::name_of(failed->reason));
  if (const auto* pruned = std::get_if<study::Pruned>(&*trial.outcome))
    tip += fmt::format("\n{}", pruned->where);
  return tip;
}

std::string quality_chart(const View& view) {
  std::vector<ChartPoint> random, scored, pruned, failed, rejected, best, mean;
  std::vector<double> recent;
  const std::size_t window = std::clamp<std::size_t>(view.data.trials.size() / 12, 5, 50);
  for (const Trial& trial : view.data.trials) {
    if (!trial.outcome) continue;
    const auto x = static_cast<double>(trial.id);
    const auto value = value_of(trial, view.quality);
    if (view.shows(trial.id)) {
      const bool is_failed = std::holds_alternative<study::Failed>(*trial.outcome);
      auto& marks = view.is_random(trial.id) && value ? random
                    : is_scored(trial) && value       ? scored
                    : value                           ? pruned
                    : is_failed                       ? failed
                                                      : rejected;
      marks.push_back({x, value.value_or(0), tip_of(view, trial), trial.id});
    }
    if (!value || view.is_random(trial.id)) continue;
    if (is_scored(trial)) {
      best.push_back({x, best.empty() ? *value : std::max(best.back().y, *value)});
    }
    recent.push_back(*value);
    if (recent.size() < window || !view.shows(trial.id)) continue;
    double sum = 0;
    for (std::size_t i = recent.size() - window; i < recent.size(); ++i) sum += recent[i];
    mean.push_back({x, sum / static_cast<double>(window)});
  }
  std::vector<ChartPoint> steps;
  for (std::size_t i = 0; i < best.size(); ++i) {
    const bool level = i > 0 && i + 1 < best.size() && best[i].y == best[i - 1].y;
    if (!level) steps.push_back(best[i]);
  }
  const Term term = term_of(view.quality);
  Chart chart{.title = term.title + " of each candidate",
              .x_title = "Candidate",
              .y_title = term.title + " on validation",
              .x = {.whole = true, .headroom = 0.02},
              .y = {.percent = term.kind == Term::Kind::kPercent},
              .description = fmt::format("{} candidates in the order in which they were proposed.",
                                         view.data.trials.size())};
  chart.series = {{"baseline", "drawn at random", Mark::kRing, std::move(random)},
                  {"scored", "scored", Mark::kDot, std::move(scored)},
                  {"pruned", "ended early", Mark::kCross, std::move(pruned)},
                  {"rejected", "rejected", Mark::kRug, std::move(rejected)},
                  {"failed", "failed", Mark::kRug, std::move(failed)},
                  {"mean", fmt::format("mean of {}", window), Mark::kLine, std::move(mean)},
                  {"front", "best so far", Mark::kSteps, std::move(steps)}};
  return render_chart(chart);
}

std::vector<ChartPoint> volume_line(const std::vector<Trial>& trials,
                                    const std::vector<objective::Objective>& objectives,
                                    const study::Scale& scale) {
  const auto volumes = study::hypervolume_over_time(trials, objectives, scale);
  std::vector<ChartPoint> points;
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    // Of a level stretch only the ends are drawn.
    if (i > 0 && i + 1 < volumes.size() && volumes[i] == volumes[i - 1]) continue;
    points.push_back({static_cast<double>(i + 1), volumes[i]});
  }
  return points;
}

std::string volume_chart(const View& view) {
  std::vector<Trial> both = view.candidates;
  both.insert(both.end(), view.data.baseline.begin(), view.data.baseline.end());
  const study::Scale scale = study::scale_of(both, view.objectives);
  Chart chart{.title = "Hypervolume",
              .x_title = "Candidates evaluated",
              .y_title = "Share of the box dominated",
              .x = {.whole = true, .headroom = 0.02},
              .y = {.from_zero = true},
              .description =
                  "How much of the space between the best and the worst values the front "
                  "dominates, over the search."};
  chart.series = {
      {"baseline",
       "random search",
       Mark::kSteps,
       volume_line(view.data.baseline, view.objectives, scale)},
      {"front", "search", Mark::kSteps, volume_line(view.candidates, view.objectives, scale)}};
  return render_chart(chart);
}

// "1", "2", ...: the table of settings says what they are.
std::string setting_name(const View& view, int setting) {
  return view.data.rewards.size() > 1 ? fmt::format("reward {}", setting + 1) : "";
}

// Lines of several settings are told apart by their class in report.css.
std::string setting_style(int setting) {
  constexpr std::array<std::string_view, 6> kStyles = {
      "first", "second", "third", "fourth", "fifth", "sixth"};
  return std::string(kStyles[static_cast<std::size_t>(setting) % kStyles.size()]);
}

std::string diagnostic_chart(const View& view,
                             const std::string& name,
                             const std::map<int, Curve>& curves) {
  std::vector<ChartSeries> series;
  for (const auto& [setting, curve] : curves) {
    std::vector<ChartPoint> points;
    for (const auto& [trial, value] : curve) {
      if (std::isfinite(value)) points.push_back({static_cast<double>(trial), value});
    }
    if (points.empty()) continue;
    series.push_back(
        {setting_style(setting), setting_name(view, setting), Mark::kLine, std::move(points)});
  }
  if (series.empty()) return {};
  const bool entropy = name == "entropy";
  const std::string title = term_of(name).title;
  Chart chart{
      .title = entropy ? "Entropy of the controller" : "Search: " + title,
      .x_title = "Candidate",
      .y_title = entropy ? "Entropy (nats per decision)" : title,
      .x = {.whole = true, .headroom = 0.02},
      .description =
          entropy ? "How undecided the controller is; it falls as the search settles." : ""};
  chart.series = std::move(series);
  return render_chart(chart);
}

// What each search maximised, and how far it came.
std::string settings_table(const View& view) {
  const auto settings = study::summarize_settings(view.data.trials, view.data.rewards);
  const bool plain =
      settings.empty() || (settings.size() == 1 && view.data.rewards[0].factors.empty());
  if (plain) return {};
  std::string out =
      "<table><thead><tr><th>Search</th><th>Maximises</th><th class=\"num\">Candidates</th>"
      "<th class=\"num\">Scored</th><th class=\"num\">Best value</th><th>Candidate</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const study::SettingSummary& setting = settings[i];
    put(out,
        R"(<tr><td>reward {}</td><td><code>{}</code></td><td class="num">{}</td><td class="num">{}</td>)"
        R"(<td class="num">{}</td><td>{}</td></tr>)",
        i + 1,
        escape_markup(setting.reward),
        setting.trials,
        setting.scored,
        setting.best ? fmt::format("{:.4f}", setting.best->reward) : "–",
        setting.best ? fmt::format("#{}", setting.best->trial) : "–");
  }
  out += "</tbody></table>\n";
  return out;
}

// Mean value of each setting's latest candidates, as its own search sees it.
std::string settings_chart(const View& view) {
  Chart chart{.title = "Reward as each search sees it",
              .x_title = "Candidate",
              .y_title = "Reward, mean of the latest candidates",
              .x = {.whole = true, .headroom = 0.02},
              .description = "Rises as a search learns. Different rewards do not compare."};
  for (std::size_t i = 0; i < view.data.rewards.size(); ++i) {
    std::vector<ChartPoint> points;
    std::vector<double> values;
    for (const Trial& trial : view.data.trials) {
      if (trial.setting != static_cast<int>(i) || !trial.outcome) continue;
      const objective::Scores* scores = study::scores_of(*trial.outcome);
      if (scores == nullptr) continue;
      const auto value = objective::evaluate(view.data.rewards[i], *scores, trial.costs);
      if (!value) continue;
      values.push_back(*value);
      const std::size_t window = std::min<std::size_t>(values.size(), 20);
      const double sum =
          std::accumulate(values.end() - static_cast<std::ptrdiff_t>(window), values.end(), 0.0);
      if (view.shows(trial.id))
        points.push_back({static_cast<double>(trial.id), sum / static_cast<double>(window)});
    }
    if (points.empty()) continue;
    const int setting = static_cast<int>(i);
    chart.series.push_back(
        {setting_style(setting), setting_name(view, setting), Mark::kLine, std::move(points)});
  }
  return chart.series.empty() ? "" : render_chart(chart);
}

}  // namespace

std::string render_history(const View& view) {
  std::string out = open_section("history", "Course of the search", "");
  if (view.summary.trials == view.summary.running) {
    put(out,
        R"(<p class="empty">{}</p></section>)",
        view.summary.trials == 0 ? "Nothing has happened yet."
                                 : "The first candidates are still being evaluated.");
    return out;
  }
  const bool any_value =
      std::any_of(view.data.trials.begin(), view.data.trials.end(), [&view](const Trial& trial) {
        return value_of(trial, view.quality).has_value();
      });
  if (!any_value) {
    put(out, R"(<p class="empty">No candidate has reached a score; see below why.</p></section>)");
    return out;
  }
  out += "<div class=\"charts\">\n" + quality_chart(view);
  if (view.summary.scored > 0) out += volume_chart(view);
  const std::string settings = settings_table(view);
  if (!settings.empty()) out += settings_chart(view);
  for (const auto& [name, curves] : view.data.diagnostics)
    out += diagnostic_chart(view, name, curves);
  out += "</div>\n" + settings;
  put(out,
      R"(<p class="note">Failed and rejected candidates have no score; they are strokes on the lower edge. A search )"
      R"(never sees them as a reward of 0.</p></section>)");
  return out;
}

}  // namespace parsimony::report
