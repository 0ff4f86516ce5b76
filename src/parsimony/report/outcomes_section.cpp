// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"

namespace parsimony::report {
namespace {

using study::Trial;

// Candidates without a full score that ended for the same reason.
struct Reason {
  std::string_view word;  // "failed", "pruned", "rejected"
  std::string what;       // "out of memory", "stage 0"
  std::vector<study::TrialId> trials;
  std::string example;  // message of the first one
};

std::vector<Reason> list_reasons(const std::vector<Trial>& trials) {
  std::vector<Reason> reasons;
  for (const Trial& trial : trials) {
    if (!trial.outcome || is_scored(trial)) continue;
    Reason reason{word_of(trial), {}, {trial.id}, {}};
    if (const auto* failed = std::get_if<study::Failed>(&*trial.outcome)) {
      reason.what = study::name_of(failed->reason);
      reason.example = failed->message;
    } else {
      const auto& pruned = std::get<study::Pruned>(*trial.outcome);
      reason.what = pruned.where;
      reason.example = pruned.why;
    }
    const auto same = std::find_if(reasons.begin(), reasons.end(), [&reason](const Reason& r) {
      return r.word == reason.word && r.what == reason.what;
    });
    if (same == reasons.end()) {
      reasons.push_back(std::move(reason));
    } else {
      same->trials.push_back(trial.id);
    }
  }
  std::stable_sort(reasons.begin(), reasons.end(), [](const Reason& a, const Reason& b) {
    return a.trials.size() > b.trials.size();
  });
  return reasons;
}

std::string trial_links(const std::vector<study::TrialId>& trials) {
  constexpr std::size_t kShown = 8;
  std::string out;
  for (std::size_t i = 0; i < std::min(kShown, trials.size()); ++i) {
    out += fmt::format(R"(<button type="button" class="link" data-trial="{}">#{}</button> )",
                       trials[i],
                       trials[i]);
  }
  if (trials.size() > kShown) out += fmt::format("and {} more", trials.size() - kShown);
  return out;
}

void cost(std::string& out,
          const std::string& name,
          const std::string& value,
          const std::string& meaning) {
  put(out,
      R"(<tr><th scope="row">{}</th><td class="num">{}</td><td>{}</td></tr>)",
      name,
      value,
      meaning);
}

double seconds_saved(const std::vector<Trial>& trials,
                     const std::map<study::TrialId, const Trial*>& by_id) {
  double saved = 0;
  for (const Trial& trial : trials) {
    if (!trial.same_as) continue;
    const auto original = by_id.find(*trial.same_as);
    if (original != by_id.end()) saved += std::max(0.0, original->second->seconds - trial.seconds);
  }
  return saved;
}

}  // namespace

std::string render_outcomes(const View& view) {
  const std::vector<Reason> reasons = list_reasons(view.data.trials);
  std::string out = open_section("outcomes", "Ended early, rejected, failed", "");
  if (reasons.empty()) {
    put(out,
        R"(<p class="empty">{}</p></section>)",
        view.summary.scored == 0 ? "No candidate has been evaluated yet."
                                 : "Every evaluated candidate was scored.");
    return out;
  }
  put(out,
      R"(<div class="scroll"><table class="sortable"><thead><tr><th scope="col">Outcome</th><th scope="col">Where or why</th>)"
      R"(<th scope="col" class="num">Candidates</th><th scope="col">First message</th><th scope="col">Which</th></tr></thead><tbody>)");
  for (const Reason& reason : reasons) {
    put(out,
        R"(<tr><td><span class="badge {}">{}</span></td><td>{}</td><td class="num" data-v="{}">{}</td><td>{}</td><td>{}</td></tr>)",
        reason.word,
        reason.word,
        escape_markup(reason.what),
        reason.trials.size(),
        reason.trials.size(),
        escape_markup(reason.example),
        trial_links(reason.trials));
  }
  put(out, "</tbody></table></div></section>");
  return out;
}

std::string render_cost(const View& view) {
  if (view.summary.trials == 0) return {};
  std::string out = open_section("cost", "What it cost", "");
  const study::StudySummary& s = view.summary;
  put(out, R"(<div class="scroll"><table class="plain"><tbody>)");
  cost(out,
       "Wall time",
       core::human_duration(s.elapsed_seconds),
       "while the study was at work; pauses do not count");
  cost(out,
       "of it search",
       core::human_duration(s.search_seconds),
       "up to the end of the last candidate");
  cost(out,
       "Compute time",
       core::human_duration(s.compute_seconds),
       "over all candidates and final trainings, whichever ran side by side");
  cost(out,
       "Rate",
       s.candidates_per_hour > 0 ? fmt::format("{:.3g} / h", s.candidates_per_hour) : "–",
       "candidates measured per hour of search");
  cost(out, "Measured", fmt::format("{}", s.measured), "trained and validated at least once");
  const double saved = seconds_saved(view.data.trials, view.trials);
  cost(out,
       "Duplicates avoided",
       fmt::format("{}", s.duplicates),
       s.duplicates == 0
           ? "candidates that compute what an earlier one computes"
           : fmt::format("compute what an earlier candidate computes; saved {} of compute time",
                         core::human_duration(saved)));
  cost(out, "Networks trained to the end", fmt::format("{}", s.final_models), "");
  put(out, "</tbody></table></div></section>");
  return out;
}

std::string render_trials(const View& view) {
  if (view.data.trials.empty()) return {};
  const std::string thinned = fmt::format(
      "So many candidates were tried that tables and charts show one in {}, beside the front "
      "and the best; the study's database holds them all.",
      view.stride);
  std::string out =
      open_section("candidates", "All candidates", view.stride > 1 ? thinned : std::string());
  put(out,
      R"(<details><summary>{}</summary><div class="scroll"><table class="sortable trials"><thead><tr>)"
      R"(<th scope="col">Candidate</th><th scope="col">Outcome</th><th scope="col" class="num">{}</th>)",
      counted(view.data.trials.size(), "candidate"),
      escape_markup(term_of(view.quality).title));
  for (const std::string& name : view.costs)
    put(out, R"(<th scope="col" class="num">{}</th>)", escape_markup(term_of(name).title));
  put(out,
      R"(<th scope="col" class="num">Time</th><th scope="col">Genotype</th></tr></thead><tbody>)");
  const auto number = [&out](const std::string& name, const std::optional<double>& value) {
    if (value) {
      put(out, R"(<td class="num" data-v="{}">{}</td>)", *value, format_score(name, *value));
    } else {
      put(out, R"(<td class="num" data-v="">–</td>)");
    }
  };
  for (const Trial& trial : view.data.trials) {
    if (!view.shows(trial.id)) continue;
    put(out,
        R"(<tr><th scope="row" data-v="{}"><button type="button" class="link" data-trial="{}">#{}</button></th><td><span class="badge {}">{}</span></td>)",
        trial.id,
        trial.id,
        trial.id,
        word_of(trial),
        word_of(trial));
    number(view.quality, value_of(trial, view.quality));
    for (const std::string& name : view.costs) number(name, value_of(trial, name));
    put(out,
        R"(<td class="num" data-v="{}">{}</td><td><code>{}</code></td></tr>)",
        trial.seconds,
        core::human_duration(trial.seconds),
        escape_markup(trial.genotype));
  }
  put(out, "</tbody></table></div></details></section>");
  return out;
}

}  // namespace parsimony::report
