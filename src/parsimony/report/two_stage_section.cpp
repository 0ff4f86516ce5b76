// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "parsimony/report/chart.h"
#include "parsimony/report/gate_picture.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"
#include "parsimony/report/weight_table.h"

namespace parsimony::report {
namespace {

using differentiable::CellNote;
using differentiable::NetworkNote;
using differentiable::NetworkOrigin;
using differentiable::PathNote;
using differentiable::PathSearchHistory;
using differentiable::SeedHistory;
using differentiable::StudyHistory;
using Value = std::optional<double>;

constexpr std::string_view kTerms = R"(
<dl class="definitions">
<div><dt>Supernet</dt><dd>The network that is trained while searching. It contains every choice at once, each with a weight; those weights are trained along with it.</dd></div>
<div><dt>Discretised</dt><dd>The network that would be decided on now, with what the supernet has learnt and without training of its own. How much worse it is than the supernet is the gap: what the decision costs.</dd></div>
<div><dt>Entropy</dt><dd>How undecided the search still is, on average over its choices: it falls to 0 as one choice of each prevails.</dd></div>
<div><dt>Largest eigenvalue</dt><dd>How sharply the loss rises when the choices change a little. A search where it rises fast is about to decide for cells that are worse than they look; it may go back to an earlier epoch.</dd></div>
<div><dt>Gate</dt><dd>How far a path between two nodes of the grid is open, from 0 to 1. It may depend on the picture.</dd></div>
<div><dt>Points</dt><dd>Percentage points: from 76 % to 80 % mIoU are 4 points.</dd></div>
</dl>
)";

// Readers count epochs from 1, as the log does.
double shown(int epoch) {
  return epoch + 1;
}

// "a", "a and b", "a, b and c"
std::string enumerated(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? " and " : ", ";
    text += items[i];
  }
  return text;
}

std::vector<double> budgets_of(const StudyHistory& history) {
  std::vector<double> budgets;
  for (const SeedHistory& seed : history.seeds)
    for (const PathSearchHistory& search : seed.paths) budgets.push_back(search.budget);
  std::ranges::sort(budgets);
  budgets.erase(std::unique(budgets.begin(), budgets.end()), budgets.end());
  return budgets;
}

// Of a network on the test split, after training.
Value test_miou(const View& view, study::TrialId trial) {
  const auto model = view.models.find(trial);
  return model == view.models.end() ? std::nullopt : value_of(*model->second, "miou");
}

// Of a network with the weights of its supernet, on the validation split.
Value inherited_miou(const View& view, study::TrialId id) {
  const auto trial = view.trials.find(id);
  return trial == view.trials.end() ? std::nullopt : value_of(*trial->second, "miou");
}

Value cost_of(const View& view, study::TrialId id, std::string_view name) {
  if (const auto model = view.models.find(id); model != view.models.end())
    return view.cost_of(*model->second, name);
  const auto trial = view.trials.find(id);
  return trial == view.trials.end() ? std::nullopt : value_of(*trial->second, name);
}

// --- in words ----------------------------------------------------------------

std::string about_searches(const StudyHistory& history) {
  const std::string cell =
      fmt::format("The search of a cell ran from {}", counted(history.seeds.size(), "seed"));
  const std::vector<double> budgets = budgets_of(history);
  if (budgets.empty()) return cell + "; that of paths has not begun.";
  std::vector<std::string> shares;
  for (const double budget : budgets) shares.push_back(budget_text(budget));
  return fmt::format("{}, that of paths for {}: {} of the whole grid’s {}.",
                     cell,
                     counted(budgets.size(), "budget"),
                     enumerated(shares),
                     title_in_sentence(term_of(history.cost)));
}

std::string about_cells(const StudyHistory& history) {
  std::vector<std::string> skips, returns;
  bool any_eigenvalue = false;
  for (const SeedHistory& seed : history.seeds) {
    const auto& edges = seed.cell.cell.edges;
    if (!edges.empty()) {
      skips.push_back(
          fmt::format("{} of {} with seed {}",
                      std::ranges::count(edges, space::GridOp::kSkip, &space::GridCellEdge::op),
                      edges.size(),
                      seed.seed));
    }
    std::vector<std::string> epochs;
    for (const int epoch : seed.cell.returned_to) epochs.push_back(fmt::format("{}", shown(epoch)));
    if (!epochs.empty()) {
      returns.push_back(fmt::format("with seed {} to epoch{} {}",
                                    seed.seed,
                                    epochs.size() == 1 ? "" : "s",
                                    enumerated(epochs)));
    }
    any_eigenvalue |= std::ranges::any_of(
        seed.cell.epochs, [](const CellNote& note) { return note.eigenvalue.has_value(); });
  }
  std::string text;
  if (!skips.empty())
    text +=
        fmt::format(" Of the operations of a cell, skip connections are {}.", enumerated(skips));
  if (!returns.empty()) {
    text += fmt::format(" Where the search of a cell became too sharp, it went back: {}.",
                        enumerated(returns));
  } else if (any_eigenvalue) {
    text += " No search of a cell went back.";
  }
  return text;
}

std::string about_networks(const View& view, const StudyHistory& history) {
  std::size_t found = 0;
  std::vector<double> params;
  const NetworkNote* best = nullptr;
  for (const NetworkNote& note : history.networks) {
    if (note.origin != NetworkOrigin::kSearched) continue;
    ++found;
    if (const Value value = cost_of(view, note.trial, "params")) params.push_back(*value);
    const Value miou = test_miou(view, note.trial);
    if (miou && (best == nullptr || *miou > *test_miou(view, best->trial))) best = &note;
  }
  if (found == 0) return " No network has been found yet.";
  std::string text = fmt::format(" Found: {}", counted(found, "network"));
  if (!params.empty()) {
    const auto [least, most] = std::ranges::minmax(params);
    text += fmt::format(" with {}", core::human_count(least));
    if (core::human_count(most) != core::human_count(least))
      text += fmt::format(" to {}", core::human_count(most));
    text += " parameters";
  }
  if (best == nullptr) return text + "; none has been trained to the end yet.";
  return text +
         fmt::format(", the best of them, #{}, with {} mIoU on the test split after training.",
                     best->trial,
                     percent(*test_miou(view, best->trial)));
}

// --- curves ------------------------------------------------------------------

// A search whose epochs are drawn.
template <typename Note>
struct Course {
  std::string style;  // class in report.css
  std::string name;   // in the legend; those of the same name share an entry and a style
  std::string title;  // "budget 50 %, seed 1"
  const std::vector<Note>* epochs = nullptr;
};

// What a chart shows of each epoch: one or two figures, the second dashed.
template <typename Note>
struct Figure {
  std::string_view name;
  Value (*value)(const Note& note);
};
template <typename Note>
struct Panel {
  std::string_view title, y_title;
  AxisOptions y;
  std::vector<Figure<Note>> figures;
};

constexpr AxisOptions kCounts = {.whole = true, .from_zero = true};

template <typename Note>
Panel<Note> losses() {
  return {"Losses",
          "Cross entropy",
          {},
          {{"weights", [](const Note& note) { return Value(note.weight_loss); }},
           {"architecture", [](const Note& note) { return note.architecture_loss; }}}};
}

template <typename Note>
Panel<Note> qualities() {
  return {"mIoU on validation",
          "Of the supernet, and discretised",
          {.percent = true},
          {{"supernet", [](const Note& note) { return note.supernet_miou; }},
           {"discretised", [](const Note& note) { return note.discrete_miou; }}}};
}

template <typename Note>
Panel<Note> entropy(std::string_view y_title) {
  return {"Entropy", y_title, {.from_zero = true}, {{"", [](const Note& note) {
                                                       return Value(note.entropy);
                                                     }}}};
}

std::string style_of(std::size_t index) {
  constexpr std::array<std::string_view, 6> kStyles = {
      "first", "fourth", "second", "third", "sixth", "fifth"};
  return std::string(kStyles[index % kStyles.size()]);
}

template <typename Note>
void add_curve(std::vector<ChartSeries>& all,
               const Panel<Note>& panel,
               std::size_t figure_index,
               const Course<Note>& course,
               bool one_name) {
  const Figure<Note>& figure = panel.figures[figure_index];
  ChartSeries curve{.style = course.style + (figure_index == 0 ? "" : " dashed"),
                    .name = one_name ? "" : course.name,
                    .mark = Mark::kCurve};
  if (!figure.name.empty())
    curve.name += fmt::format("{}{}", curve.name.empty() ? "" : ", ", figure.name);
  for (const Note& note : *course.epochs) {
    const Value value = figure.value(note);
    if (!value || !std::isfinite(*value)) continue;
    ChartPoint point{shown(note.epoch), *value};
    point.tip = fmt::format("{}, epoch {}\n{}{} {}",
                            course.title,
                            shown(note.epoch),
                            panel.title,
                            figure.name.empty() ? "" : fmt::format(", {}:", figure.name),
                            panel.y.percent ? percent(*value) : fmt::format("{:.4g}", *value));
    point.apart = curve.points.empty();  // from that of a search of the same name
    curve.points.push_back(std::move(point));
  }
  const auto same = std::ranges::find_if(all, [&curve](const ChartSeries& other) {
    return other.name == curve.name && other.style == curve.style;
  });
  if (same == all.end()) {
    all.push_back(std::move(curve));
  } else {
    std::ranges::move(curve.points, std::back_inserter(same->points));
  }
}

template <typename Note>
std::string panel_chart(const Panel<Note>& panel,
                        const std::vector<Course<Note>>& courses,
                        std::vector<ChartSeries> marks = {}) {
  const bool one_name = std::ranges::all_of(
      courses, [&courses](const Course<Note>& course) { return course.name == courses[0].name; });
  Chart chart{.title = std::string(panel.title),
              .x_title = "Epoch",
              .y_title = std::string(panel.y_title),
              .x = {.whole = true, .headroom = 0.02},
              .y = panel.y,
              .description = "By epoch."};
  for (const Course<Note>& course : courses) {
    for (std::size_t figure = 0; figure < panel.figures.size(); ++figure)
      add_curve(chart.series, panel, figure, course, one_name);
  }
  const bool any = std::ranges::any_of(
      chart.series, [](const ChartSeries& series) { return !series.points.empty(); });
  std::ranges::move(marks, std::back_inserter(chart.series));
  return any ? render_chart(chart) : "";
}

// The epochs that searches went back to, on the curve of their eigenvalues.
ChartSeries return_marks(const StudyHistory& history) {
  ChartSeries marks{.style = "failed", .name = "went back to", .mark = Mark::kDiamond};
  for (const SeedHistory& seed : history.seeds) {
    for (const int epoch : seed.cell.returned_to) {
      const auto note = std::ranges::find_if(seed.cell.epochs, [epoch](const CellNote& other) {
        return other.epoch == epoch && other.eigenvalue && std::isfinite(*other.eigenvalue);
      });
      if (note == seed.cell.epochs.end()) continue;
      marks.points.push_back(
          {shown(epoch),
           *note->eigenvalue,
           fmt::format("seed {} went back to epoch {}", seed.seed, shown(epoch))});
    }
  }
  return marks;
}

std::string cell_charts(const StudyHistory& history) {
  std::vector<Course<CellNote>> courses;
  for (const SeedHistory& seed : history.seeds) {
    const std::string name = fmt::format("seed {}", seed.seed);
    courses.push_back({style_of(courses.size()), name, name, &seed.cell.epochs});
  }
  const Panel<CellNote> sharpness = {"Largest eigenvalue",
                                     "Of the Hessian by the choices",
                                     {.may_be_log = true},
                                     {{"", [](const CellNote& note) { return note.eigenvalue; }}}};
  const Panel<CellNote> skips = {"Skip connections",
                                 "In the cell by its weights, without cap",
                                 kCounts,
                                 {{"", [](const CellNote& note) { return Value(note.skips); }}}};
  return panel_chart(losses<CellNote>(), courses) + panel_chart(qualities<CellNote>(), courses) +
         panel_chart(entropy<CellNote>("Nats per edge of the cell"), courses) +
         panel_chart(sharpness, courses, {return_marks(history)}) + panel_chart(skips, courses);
}

// A level line for each budget.
ChartSeries budget_lines(const StudyHistory& history) {
  ChartSeries lines{.style = "mean dashed", .name = "budget", .mark = Mark::kLine};
  int last = 0;
  for (const SeedHistory& seed : history.seeds)
    for (const PathSearchHistory& search : seed.paths)
      for (const PathNote& note : search.epochs) last = std::max(last, note.epoch);
  for (const double budget : budgets_of(history)) {
    lines.points.push_back({shown(0), budget});
    lines.points.back().apart = true;
    lines.points.push_back({shown(last), budget});
  }
  return lines;
}

// Colours tell budgets apart, or seeds where there is one budget only.
std::string path_charts(const StudyHistory& history) {
  const std::vector<double> budgets = budgets_of(history);
  std::vector<Course<PathNote>> courses;
  for (std::size_t s = 0; s < history.seeds.size(); ++s) {
    for (const PathSearchHistory& search : history.seeds[s].paths) {
      const auto place = std::ranges::find(budgets, search.budget) - budgets.begin();
      const std::string seed = fmt::format("seed {}", history.seeds[s].seed);
      const std::string budget = fmt::format("budget {}", budget_text(search.budget));
      const bool by_budget = budgets.size() > 1;
      courses.push_back({style_of(by_budget ? static_cast<std::size_t>(place) : s),
                         by_budget ? budget : seed,
                         fmt::format("{}, {}", budget, seed),
                         &search.epochs});
    }
  }
  const Panel<PathNote> cost = {"Expected cost",
                                "Share of the whole grid’s",
                                {.percent = true},
                                {{"", [](const PathNote& note) { return Value(note.cost); }}}};
  return panel_chart(losses<PathNote>(), courses) + panel_chart(qualities<PathNote>(), courses) +
         panel_chart(entropy<PathNote>("Nats per gate"), courses) +
         panel_chart(cost, courses, {budget_lines(history)});
}

void curves(std::string& out, std::string_view title, const std::string& charts) {
  if (charts.empty()) return;
  put(out, R"(<h3>{}</h3><div class="charts small">{}</div>)", title, charts);
}

// --- the operations ----------------------------------------------------------

void operations(std::string& out, const StudyHistory& history) {
  std::string tables;
  for (const SeedHistory& seed : history.seeds)
    tables += render_weights(seed.cell, fmt::format("Seed {}", seed.seed));
  if (tables.empty()) return;
  put(out,
      R"(<h3>What the cell was made of</h3><p class="lead">What each operation weighed on each edge when the search of the cell ended, in percent; framed: what was decided for. A node keeps its strongest edges, an edge its strongest operation other than none, and of skip connections no more than the cap allows. Weights that are all alike mean that the search had no opinion.</p>{}<p class="note">max3, avg3: pooling of 3x3; skip: the map as it is; sep, dil: separable and dilated convolutions of 3x3 and 5x5; none: nothing.</p>)",
      tables);
}

// --- the gates ---------------------------------------------------------------

// The path search whose network is best after training, else with inherited weights.
void gates(std::string& out, const View& view, const StudyHistory& history) {
  const SeedHistory* best_seed = nullptr;
  const PathSearchHistory* best = nullptr;
  std::pair<double, double> best_worth;
  for (const SeedHistory& seed : history.seeds) {
    for (const PathSearchHistory& search : seed.paths) {
      if (search.gates.empty()) continue;
      std::pair<double, double> worth = {-1, -1};
      for (const NetworkNote& note : history.networks) {
        if (note.origin != NetworkOrigin::kSearched || note.seed != seed.seed ||
            note.budget != search.budget)
          continue;
        worth = std::max(worth,
                         {test_miou(view, note.trial).value_or(-1),
                          inherited_miou(view, note.trial).value_or(-1)});
      }
      if (best != nullptr && worth <= best_worth) continue;
      best_seed = &seed;
      best = &search;
      best_worth = worth;
    }
  }
  if (best == nullptr) return;
  const std::string picture =
      render_gates(*best,
                   view.data.network.grid.rules,
                   fmt::format("Gates at the end of the search of paths, budget {}, seed {}",
                               budget_text(best->budget),
                               best_seed->seed));
  if (picture.empty()) return;
  std::size_t edges = 0, varying = 0, kept = 0;
  for (const std::vector<double>& layer : best->deviations) {
    edges += layer.size();
    varying += static_cast<std::size_t>(
        std::ranges::count_if(layer, [](double deviation) { return deviation > kSteadyGate; }));
  }
  for (const space::GridLayer& layer : best->paths) kept += layer.size();
  put(out,
      R"(<h3>Which paths are open</h3>{}<p class="note">{} of {} paths were kept; they are coloured. The stronger a line, the further its gate is open on average. Dashed: the gate depends on the picture ({}; deviation above {}), so that closing it costs more than its average says.</p>)",
      picture,
      kept,
      edges,
      counted(varying, "gate"),
      kSteadyGate);
}

// --- the networks ------------------------------------------------------------

void number(std::string& out, std::string_view score, const Value& value) {
  if (value) {
    put(out, R"(<td class="num" data-v="{}">{}</td>)", *value, format_score(score, *value));
  } else {
    put(out, R"(<td class="num" data-v="">–</td>)");
  }
}

// A link to a trained network, else to its card; as text where the study holds no such trial.
std::string link_to(const View& view, study::TrialId trial) {
  if (view.models.contains(trial))
    return fmt::format(R"(<a href="#network-{}">#{}</a>)", trial, trial);
  if (view.trials.contains(trial) && view.shows(trial))
    return fmt::format(
        R"(<button type="button" class="link" data-trial="{}">#{}</button>)", trial, trial);
  return fmt::format("#{}", trial);
}

void network_table(std::string& out, const View& view, const StudyHistory& history) {
  put(out,
      R"(<h3>The networks</h3><p class="lead">Inherited: with the weights of the supernet, before any training of its own, on the validation split. Test: trained to the end, on the test split. A random cell takes the place of the searched one, or random paths that of the searched ones, with about as many MACs; all else is the same.</p>)");
  put(out,
      R"(<div class="scroll"><table class="sortable"><thead><tr><th scope="col">Network</th><th scope="col">What it is</th><th scope="col" class="num">Seed</th><th scope="col" class="num">Budget</th><th scope="col" class="num">Parameters</th><th scope="col" class="num">MACs</th><th scope="col" class="num">mIoU, inherited</th><th scope="col" class="num">mIoU, test</th></tr></thead><tbody>)");
  for (const NetworkNote& note : history.networks) {
    put(out,
        R"(<tr><th scope="row" data-v="{}">{}</th><td>{}</td><td class="num">{}</td><td class="num" data-v="{}">{}</td>)",
        note.trial,
        link_to(view, note.trial),
        differentiable::kNetworkOriginNames[static_cast<std::size_t>(note.origin)],
        note.seed,
        note.budget,
        budget_text(note.budget));
    for (const char* cost : {"params", "macs"}) number(out, cost, cost_of(view, note.trial, cost));
    number(out, "miou", inherited_miou(view, note.trial));
    number(out, "miou", test_miou(view, note.trial));
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
}

// Mean test mIoU of the trained networks of one kind, from one seed and for one budget.
Value mean_test_miou(const View& view,
                     const StudyHistory& history,
                     NetworkOrigin origin,
                     std::int64_t seed,
                     double budget) {
  std::vector<double> values;
  for (const NetworkNote& note : history.networks) {
    if (note.origin != origin || note.seed != seed || note.budget != budget) continue;
    if (const Value value = test_miou(view, note.trial)) values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Whether a search was worth its name: what it found against what chance finds in its place.
// Nothing until both are trained from the same seed and for the same budget.
std::string comparison(const View& view,
                       const StudyHistory& history,
                       NetworkOrigin random,
                       std::string_view what) {
  std::vector<double> points;
  std::vector<std::pair<std::int64_t, double>> seen;
  for (const NetworkNote& note : history.networks) {
    const std::pair pair(note.seed, note.budget);
    if (note.origin != random || std::ranges::find(seen, pair) != seen.end()) continue;
    seen.push_back(pair);
    const Value searched =
        mean_test_miou(view, history, NetworkOrigin::kSearched, note.seed, note.budget);
    const Value chance = mean_test_miou(view, history, random, note.seed, note.budget);
    if (searched && chance) points.push_back(100 * (*searched - *chance));
  }
  if (points.empty()) return {};
  const double mean =
      std::accumulate(points.begin(), points.end(), 0.0) / static_cast<double>(points.size());
  const auto [least, most] = std::ranges::minmax(points);
  const std::string text = fmt::format("{}: {:+.2f} points of test mIoU", what, mean);
  if (points.size() == 1) {
    return fmt::format(
        "<p class=\"verdict\">{}, in <b>one comparison, which may be chance</b>.</p>\n", text);
  }
  const std::string_view verdict = mean > 0 && least > 0 ? "the search paid"
                                   : mean > 0 ? "the search paid on average, but not everywhere"
                                              : "the search did not pay";
  return fmt::format(
      "<p class=\"verdict\">{} on average ({:+.2f} to {:+.2f} in {} comparisons, each of one seed "
      "and budget): <b>{}</b>.</p>\n",
      text,
      least,
      most,
      points.size(),
      verdict);
}

}  // namespace

std::string render_two_stage(const View& view) {
  if (!view.data.two_stage) return {};
  const StudyHistory& history = *view.data.two_stage;
  std::string out = open_section(
      "two-stage",
      "Two-stage search",
      "Two searches by gradient descent, one after the other. The first looks for the cell that "
      "all nodes of the grid are made of, while all paths are open; the second keeps the cell and "
      "looks for the paths between nodes that are worth their cost.");
  if (history.seeds.empty()) {
    put(out, R"(<p class="empty">The searches have not begun.</p></section>)");
    return out;
  }
  put(out,
      R"(<p class="verdict">{}</p>)",
      escape_markup(about_searches(history) + about_cells(history) +
                    about_networks(view, history)));
  out += comparison(
      view, history, NetworkOrigin::kRandomCell, "The searched cell against a random one");
  out += comparison(
      view, history, NetworkOrigin::kRandomPaths, "The searched paths against random ones");
  if (!history.networks.empty()) network_table(out, view, history);
  operations(out, history);
  gates(out, view, history);
  curves(out, "The search of a cell", cell_charts(history));
  curves(out, "The search of paths", path_charts(history));
  out += kTerms;
  out += "</section>\n";
  return out;
}

}  // namespace parsimony::report
