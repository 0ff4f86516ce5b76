// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"
#include "parsimony/study/remarks.h"

namespace parsimony::report {
namespace {

struct Badge {
  std::string_view style, text;
};

Badge badge_of(Progress progress) {
  switch (progress) {
    case Progress::kEmpty:
      return {"rejected", "nothing tried yet"};
    case Progress::kUnfinished:
      return {"rejected", "not finished"};
    case Progress::kInterrupted:
      return {"pruned", "interrupted"};
    case Progress::kFinished:
      return {"scored", "finished"};
  }
  return {};
}

// The result in one or two sentences.
std::string abstract_of(const View& view) {
  if (view.progress == Progress::kEmpty) {
    return "No candidate has been tried yet. This page fills as the search goes on; write it again "
           "with "
           "parsimony report.";
  }
  std::string text = fmt::format("{} tried in {}",
                                 counted(view.summary.trials, "candidate"),
                                 core::human_duration(view.summary.elapsed_seconds));
  const std::size_t random = view.data.trials.size() - view.candidates.size();
  if (random > 0) text += fmt::format(", {} of them drawn at random to compare with", random);
  const std::size_t unscored = view.summary.pruned + view.summary.failed;
  if (view.summary.scored == 0) {
    text += fmt::format(
        "; none has a score yet ({} pruned, {} failed, {} running), so there is no front.",
        view.summary.pruned,
        view.summary.failed,
        view.summary.running);
  } else {
    text += fmt::format(
        ": {} scored, {} ended early, rejected or failed. The Pareto front has {} of them.",
        view.summary.scored,
        unscored,
        view.front.trials.size());
  }
  if (const ReportedModel* best = view.best_model()) {
    const std::string& score = view.test_scores.front();
    text += fmt::format(" The best trained network, #{}, reaches {} {} on the test split",
                        best->model.trial,
                        format_score(score, *value_of(*best, score)),
                        title_in_sentence(term_of(score)));
    if (const auto params = view.cost_of(*best, "params"))
      text += fmt::format(" with {} parameters", core::human_count(*params));
    text += view.is_random(best->model.trial) ? "; it was not searched, but drawn at random." : ".";
  } else if (view.data.models.empty() && view.summary.scored > 0) {
    text += " No network has been trained to the end yet, so all figures are those of the search.";
  }
  if (view.progress == Progress::kInterrupted) {
    text += " The study was interrupted; the same command continues it.";
  }
  return text;
}

void tile(std::string& out,
          const std::string& name,
          const std::string& value,
          const std::string& detail) {
  put(out,
      R"(<div><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>)",
      escape_markup(name),
      escape_markup(value),
      escape_markup(detail));
}

void tiles(std::string& out, const View& view) {
  out += "<dl class=\"tiles\">\n";
  std::optional<double> params;
  std::optional<double> macs;
  if (const ReportedModel* model = view.best_model()) {
    const std::string& score = view.test_scores.front();
    tile(out,
         "Best test " + title_in_sentence(term_of(score)),
         format_score(score, *value_of(*model, score)),
         fmt::format("network #{}", model->model.trial));
    params = view.cost_of(*model, "params");
    macs = view.cost_of(*model, "macs");
  } else if (const study::Trial* best = view.best_trial()) {
    tile(out,
         "Best " + term_of(view.quality).title,
         format_score(view.quality, *value_of(*best, view.quality)),
         fmt::format("candidate #{}, validation", best->id));
    params = value_of(*best, "params");
    macs = value_of(*best, "macs");
  } else {
    tile(out, "Best score", "–", "no candidate scored yet");
  }
  tile(out,
       "Its parameters",
       params ? core::human_count(*params) : "–",
       macs ? core::human_count(*macs) + " MACs" : "");
  tile(out,
       "Candidates",
       fmt::format("{}", view.summary.trials),
       view.summary.candidates_per_hour > 0
           ? fmt::format("{:.3g} measured an hour", view.summary.candidates_per_hour)
           : "");
  tile(out,
       "Wall time",
       view.summary.trials == 0 ? "–" : core::human_duration(view.summary.elapsed_seconds),
       view.started > 0 ? "from " + date_text(view.started) : "");
  out += "</dl>\n";
}

}  // namespace

std::string render_header(const View& view) {
  std::string out;
  const Badge badge = badge_of(view.progress);
  put(out,
      R"(<header><p class="kicker">Parsimony · study report <span class="badge {}">{}</span></p><h1>{}</h1>)",
      badge.style,
      badge.text,
      escape_markup(view.data.title));
  put(out, R"(<p class="abstract">{}</p>)", escape_markup(abstract_of(view)));
  for (const std::string& remark : study::remarks_on(view.candidates, view.objectives))
    put(out, R"(<p class="remark">{}.</p>)", escape_markup(remark));
  tiles(out, view);
  std::string origin;
  const auto add = [&origin](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    if (!origin.empty()) origin += " · ";
    origin += fmt::format("{}{}", name, escape_markup(value));
  };
  add("", view.data.machine);
  add("seed ", view.data.seed);
  add("version ", view.data.version);
  if (view.ended > 0) add("last change ", date_text(view.ended));
  if (!origin.empty()) put(out, R"(<p class="origin">{}</p>)", origin);
  put(out, "</header>");
  return out;
}

}  // namespace parsimony::report
