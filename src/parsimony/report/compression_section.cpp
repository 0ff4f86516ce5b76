// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <ranges>

#include "parsimony/metric/rank_correlation.h"
#include "parsimony/report/chart.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"
#include "parsimony/study/compression.h"

namespace parsimony::report {
namespace {

using study::Trial;
using Value = std::optional<double>;

// A network before it is trained: the score of its mean IoU on the test split, and a word.
struct Untrained {
  std::string_view score, word;
};
constexpr std::array<Untrained, 3> kUntrained = {{{"miou_frozen", "frozen"},
                                                  {"miou_recalibrated", "recalibrated"},
                                                  {"miou_aligned", "aligned"}}};

constexpr std::string_view kStates = R"(
<dl class="definitions">
<div><dt>Frozen</dt><dd>The network as it was cut out, nothing adapted: its batch norms still scale by the means and variances of the whole supernet.</dd></div>
<div><dt>Recalibrated</dt><dd>The same weights, but with the means and variances that training pictures have in the smaller network. No weight is trained.</dd></div>
<div><dt>Aligned</dt><dd>The means and variances of the supernet, moved by what training pictures show to differ between both networks: for a supernet that was trained on other pictures. No weight is trained.</dd></div>
<div><dt>Fine-tuned</dt><dd>All weights trained further from there.</dd></div>
<div><dt>Points</dt><dd>Percentage points: from 80 % to 76 % mIoU are 4 points, or 5 % relative to the 80 %.</dd></div>
</dl>
)";

// What two networks cost, where both costs come from the same source.
struct CostPair {
  objective::Scores own, whole;
  std::optional<double> share(const std::string& cost) const {
    const auto a = own.find(cost);
    const auto b = whole.find(cost);
    if (a == own.end() || b == whole.end() || !(b->second > 0)) return std::nullopt;
    return a->second / b->second;
  }
};

// The networks of a study as parts of its supernet.
class Parts {
 public:
  Parts(const View& view, const Trial& whole) : view_(view), whole_(whole) {
    const auto found = view.models.find(whole.id);
    if (found != view.models.end()) whole_model_ = found->second;
    double best = -1;
    for (const Untrained& state : kUntrained) {
      std::vector<double> values;
      for (const ReportedModel& model : view.data.models) {
        if (const Value value = value_of(model, state.score)) values.push_back(*value);
      }
      if (values.empty()) continue;
      states_.push_back(state);
      const double mean =
          std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
      if (mean < best) continue;
      best = mean;
      before_ = state;
    }
  }

  const View& view() const { return view_; }
  const Trial& whole() const { return whole_; }
  bool is_whole(const ReportedModel& model) const { return &model == whole_model_; }

  // The untrained states that networks were measured in.
  const std::vector<Untrained>& states() const { return states_; }
  // The one that is compared with the fine-tuned state: in which networks are best on average.
  const Untrained& before() const { return before_; }
  // Of the supernet on the test split.
  Value of_whole(std::string_view score) const {
    return whole_model_ == nullptr ? std::nullopt : value_of(*whole_model_, score);
  }
  // The better of its untrained states: the supernet as it came, whatever was done to its
  // statistics.
  Value whole_as_it_came() const {
    Value best;
    for (const Untrained& state : states_) best = std::max(best, of_whole(state.score));
    return best;
  }
  Value of_search(const ReportedModel& model) const {
    const auto trial = view_.trials.find(model.model.trial);
    return trial == view_.trials.end() ? std::nullopt : value_of(*trial->second, "miou");
  }

  std::vector<std::string> costs() const {
    std::vector<std::string> names = view_.costs;
    names.insert(names.end(), view_.latencies.begin(), view_.latencies.end());
    return names;
  }

  // As trained networks; by the figures of the search where one of them has none of its own.
  CostPair costs_of(const ReportedModel& model) const {
    const auto trial = view_.trials.find(model.model.trial);
    CostPair pair;
    for (const std::string& name : costs()) {
      Value own = value_of(model, name);
      Value whole = of_whole(name);
      if ((!own || !whole) && trial != view_.trials.end()) {
        own = value_of(*trial->second, name);
        whole = value_of(whole_, name);
      }
      if (!own || !whole) continue;
      pair.own[name] = *own;
      pair.whole[name] = *whole;
    }
    return pair;
  }

  // The fine-tuned part with the best test mIoU among those that meet the target.
  const ReportedModel* best_within(const study::CompressionTarget& target) const {
    const ReportedModel* best = nullptr;
    for (const ReportedModel& model : view_.data.models) {
      const CostPair pair = costs_of(model);
      const auto quality = value_of(model, "miou");
      if (is_whole(model) || !quality || !study::meets(target, pair.own, pair.whole)) continue;
      if (best == nullptr || *quality > *value_of(*best, "miou")) best = &model;
    }
    return best;
  }

 private:
  const View& view_;
  const Trial& whole_;
  const ReportedModel* whole_model_ = nullptr;
  std::vector<Untrained> states_;
  Untrained before_;
};

// --- before and after fine-tuning --------------------------------------------

std::optional<ChartPoint> point_of(const Parts& parts,
                                   const ReportedModel& model,
                                   const std::string& cost,
                                   std::string_view score) {
  const auto x = parts.view().cost_of(model, cost);
  const auto y = value_of(model, score);
  if (!x || !y) return std::nullopt;
  std::string tip = fmt::format("#{}{}, {}\nTest mIoU {}\n{} {}",
                                model.model.trial,
                                parts.is_whole(model) ? ", the whole supernet" : "",
                                score == "miou" ? "fine-tuned" : "before fine-tuning",
                                percent(*y),
                                term_of(cost).title,
                                format_score(cost, *x));
  return ChartPoint{*x, *y, std::move(tip), model.model.trial};
}

std::string change_chart(const Parts& parts, const std::string& cost) {
  std::vector<ChartPoint> arrows, before, after, whole;
  for (const ReportedModel& model : parts.view().data.models) {
    const auto untrained = point_of(parts, model, cost, parts.before().score);
    const auto trained = point_of(parts, model, cost, "miou");
    if (untrained && trained) arrows.insert(arrows.end(), {*untrained, *trained});
    const bool is_whole = parts.is_whole(model);
    if (untrained) (is_whole ? whole : before).push_back(*untrained);
    if (!trained) continue;
    std::vector<ChartPoint>& ends = is_whole ? whole : after;
    ends.push_back(*trained);
    ends.back().label = is_whole ? "whole" : fmt::format("#{}", model.model.trial);
  }
  if (before.empty() && after.empty() && whole.empty()) return {};
  const Term term = term_of(cost);
  Chart chart{.title = fmt::format("Fine-tuning, against {}", title_in_sentence(term)),
              .x_title = axis_title(term),
              .y_title = "mIoU on the test split, higher is better",
              .x = axis_options(term),
              .y = {.percent = true},
              .description = "The table below holds the numbers."};
  chart.series = {
      {"baseline", "change", Mark::kArrows, std::move(arrows)},
      {"mean", "whole supernet, before and after", Mark::kDot, std::move(whole)},
      {"scored", fmt::format("before, {}", parts.before().word), Mark::kRing, std::move(before)},
      {"final", "fine-tuned", Mark::kDiamond, std::move(after)}};
  return render_chart(chart);
}

void charts(std::string& out, const Parts& parts) {
  std::string figures;
  for (const std::string& cost : parts.costs()) figures += change_chart(parts, cost);
  if (!figures.empty()) out += "<div class=\"charts\">\n" + figures + "</div>\n";
}

// --- the chosen networks -----------------------------------------------------

void number(std::string& out, const Value& value, const std::string& text) {
  put(out,
      R"(<td class="num" data-v="{}">{}</td>)",
      value ? fmt::format("{}", *value) : "",
      value ? text : "–");
}

void share(std::string& out, const Value& value) {
  number(out, value, percent(value.value_or(0)));
}

void change(std::string& out, const Value& from, const Value& to) {
  const Value points =
      from && to ? Value(0.0 - study::quality_loss(*from, *to).points) : std::nullopt;
  number(out, points, fmt::format("{:+.2f}", points.value_or(0)));
}

void network_row(std::string& out, const Parts& parts, const ReportedModel& model) {
  put(out,
      R"(<tr><th scope="row" data-v="{}"><a href="#network-{}">#{}</a>{}</th>)",
      model.model.trial,
      model.model.trial,
      model.model.trial,
      parts.is_whole(model) ? R"( <span class="badge">supernet</span>)" : "");
  const CostPair pair = parts.costs_of(model);
  for (const std::string& cost : parts.costs()) share(out, pair.share(cost));
  share(out, parts.of_search(model));
  for (const Untrained& state : parts.states()) share(out, value_of(model, state.score));
  share(out, value_of(model, "miou"));
  for (const std::string_view score : {parts.before().score, std::string_view("miou")}) {
    const Value own = parts.is_whole(model) ? std::nullopt : value_of(model, score);
    change(out, parts.of_whole(score), own);
  }
  out += "</tr>\n";
}

void network_table(std::string& out, const Parts& parts) {
  put(out, "<h3>What was kept and what it is worth</h3>");
  put(out,
      R"(<p class="lead">Costs are shares of the supernet’s. Mean IoU is that of the search, on pictures of the validation split and without training, and then that of the test split before and after training. The last columns are the difference from the supernet in the same state, in points.</p>)");
  put(out,
      R"(<div class="scroll"><table class="sortable"><thead><tr><th scope="col">Network</th>)");
  const auto head = [&out](std::string_view title) {
    put(out, R"(<th scope="col" class="num">{}</th>)", escape_markup(std::string(title)));
  };
  for (const std::string& cost : parts.costs()) head(term_of(cost).title);
  head("mIoU, search");
  for (const Untrained& state : parts.states()) head(fmt::format("Test, {}", state.word));
  head("Test, fine-tuned");
  head(fmt::format("Change, {}", parts.before().word));
  head("Change, fine-tuned");
  out += "</tr></thead><tbody>\n";
  for (const ReportedModel& model : parts.view().data.models) network_row(out, parts, model);
  out += "</tbody></table></div>\n";
}

// --- published results -------------------------------------------------------

std::string loss_text(const Value& reference, const Value& quality) {
  if (!reference || !quality) return "not measured";
  const study::QualityLoss loss = study::quality_loss(*reference, *quality);
  const std::string_view better = loss.points < 0 ? " better" : "";
  return fmt::format(
      "{:.2f} points{} ({:.2f} %)", std::abs(loss.points), better, std::abs(loss.relative));
}

std::string against(std::string_view reference, const Value& quality) {
  return fmt::format("{}{}", reference, quality ? ", " + percent(*quality) : "");
}

// What one row says of a network that meets the target.
struct Comparison {
  std::string network;  // markup; without a reference, why there is none
  std::string reference;
  std::string loss;
};

std::vector<Comparison> comparisons(const Parts& parts, const study::CompressionTarget& target) {
  const View& view = parts.view();
  std::vector<Comparison> rows;
  if (const Trial* best = study::best_within(view.data.trials, target, parts.whole().costs)) {
    const Value whole = value_of(parts.whole(), "miou");
    rows.push_back(
        {fmt::format(R"(<button type="button" class="link" data-trial="{}">#{}</button>, search)",
                     best->id,
                     best->id),
         against("the supernet in the search", whole),
         loss_text(whole, value_of(*best, "miou"))});
  } else {
    rows.push_back({fmt::format("None of {} is cheap enough.",
                                counted(view.summary.scored, "scored candidate")),
                    "",
                    ""});
  }
  if (view.data.models.empty()) return rows;
  const ReportedModel* best = parts.best_within(target);
  if (best == nullptr) {
    rows.push_back({"No fine-tuned network is cheap enough.", "", ""});
    return rows;
  }
  const Value quality = value_of(*best, "miou");
  const std::string name = fmt::format(
      R"(<a href="#network-{}">#{}</a>, fine-tuned)", best->model.trial, best->model.trial);
  const Value came = parts.whole_as_it_came();
  rows.push_back({name, against("the supernet as it came", came), loss_text(came, quality)});
  const Value tuned = parts.of_whole("miou");
  rows.push_back(
      {name, against("the supernet fine-tuned alike", tuned), loss_text(tuned, quality)});
  return rows;
}

void target_rows(std::string& out, const Parts& parts, const study::CompressionTarget& target) {
  const std::vector<Comparison> rows = comparisons(parts, target);
  for (const Comparison& row : rows) {
    out += "<tr>";
    if (&row == &rows.front()) {
      put(out,
          R"(<th scope="rowgroup" rowspan="{}">{}</th><td rowspan="{}">{}{:.4g} %</td>)",
          rows.size(),
          escape_markup(target.title),
          rows.size(),
          target.published_bound ? "less than " : "",
          target.published_loss);
    }
    if (row.reference.empty()) {
      put(out, R"(<td colspan="3">{}</td></tr>)", row.network);
    } else {
      put(out, "<td>{}</td><td>{}</td><td>{}</td></tr>", row.network, row.reference, row.loss);
    }
  }
}

// Whether anything is known of the costs that the target is about.
bool concerns(const Parts& parts, const study::CompressionTarget& target) {
  return std::ranges::all_of(target.shares, [&parts](const study::CostShare& wanted) {
    return value_of(parts.whole(), wanted.cost) || parts.of_whole(wanted.cost);
  });
}

void published_results(std::string& out, const Parts& parts) {
  std::string rows;
  for (const study::CompressionTarget& target : study::published_targets()) {
    if (concerns(parts, target)) target_rows(rows, parts, target);
  }
  if (rows.empty()) return;
  put(out, "<h3>The points to compare with</h3>");
  put(out,
      R"(<p class="lead">What FMAS reports (Xiong et al., arXiv 2303.16322), beside the best network here that saves as much: first without training, on the pictures of the search, then fine-tuned, on the test split.</p>)");
  put(out,
      R"(<div class="scroll"><table class="targets"><thead><tr><th scope="col">Saved</th><th scope="col">Published loss</th><th scope="col">Network</th><th scope="col">Against</th><th scope="col">Loss of mIoU</th></tr></thead><tbody>)");
  out += rows;
  out += "</tbody></table></div>\n";
  put(out,
      R"(<p class="note">The paper does not say whether its percent are points or relative, so both stand here, relative in brackets. Its figures are from PASCAL VOC 2012.{}</p>)",
      parts.view().data.models.empty() ? " No network has been fine-tuned yet." : "");
}

// --- does the order hold? ----------------------------------------------------

template <typename Before>
void correlation_row(std::string& out, const Parts& parts, std::string_view title, Before before) {
  constexpr std::size_t kFewest = 4;
  std::vector<double> untrained, trained;
  for (const ReportedModel& model : parts.view().data.models) {
    const Value a = before(model);
    const Value b = value_of(model, "miou");
    if (!a || !b) continue;
    untrained.push_back(*a);
    trained.push_back(*b);
  }
  put(out, R"(<tr><th scope="row">{}</th><td class="num">{}</td>)", title, untrained.size());
  if (untrained.size() < kFewest) {
    put(out, R"(<td colspan="2">too few to say</td></tr>)");
    return;
  }
  put(out,
      R"(<td class="num">{:.2f}</td><td class="num">{:.2f}</td></tr>)",
      metric::kendall_tau(untrained, trained),
      metric::spearman_rho(untrained, trained));
}

void rank_correlations(std::string& out, const Parts& parts) {
  put(out, "<h3>Does fine-tuning change who is better?</h3>");
  put(out,
      R"(<p class="lead">The search never trains: it assumes that the better of two untrained networks is the better one after training too. These are the rank correlations that check it, over the networks that were fine-tuned: 1 for the same order, 0 for no relation, −1 for the reverse.</p>)");
  put(out,
      R"(<div class="scroll"><table class="correlations"><thead><tr><th scope="col">Order after fine-tuning, on the test split, against that of</th><th scope="col" class="num">Networks</th><th scope="col" class="num">Kendall’s tau-b</th><th scope="col" class="num">Spearman’s rho</th></tr></thead><tbody>)");
  correlation_row(out, parts, "the search, validation split", [&parts](const ReportedModel& model) {
    return parts.of_search(model);
  });
  for (const Untrained& state : parts.states()) {
    correlation_row(out,
                    parts,
                    fmt::format("{} networks, test split", state.word),
                    [&state](const ReportedModel& model) { return value_of(model, state.score); });
  }
  out += "</tbody></table></div>\n";
}

// What candidates took over from each other, as the run last told it.
void sharing(std::string& out, const View& view) {
  const auto latest =
      std::ranges::find(view.data.events | std::views::reverse, "sharing", &study::Event::kind);
  if (latest == view.data.events.rend()) return;
  put(out,
      R"(<p class="note">What candidates have in common was computed once: {}.</p>)",
      escape_markup(latest->text));
}

}  // namespace

std::string render_compression(const View& view) {
  const Trial* whole = study::whole_supernet(view.data.trials);
  if (whole == nullptr) return {};
  const Parts parts(view, *whole);
  std::string out = open_section(
      "compression",
      "Parts of the supernet",
      "Every candidate is a part of one trained network, the supernet: it leaves out blocks and "
      "channels and takes over the trained weights of the rest. The search compares them without "
      "any training; only the chosen ones are trained further (fine-tuned).");
  sharing(out, view);
  if (view.data.models.empty()) {
    put(out, R"(<p class="empty">No network has been fine-tuned yet.</p>)");
  } else {
    out += kStates;
    charts(out, parts);
    network_table(out, parts);
  }
  published_results(out, parts);
  if (!view.data.models.empty()) rank_correlations(out, parts);
  out += "</section>\n";
  return out;
}

}  // namespace parsimony::report
