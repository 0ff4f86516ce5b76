// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/error.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"

namespace parsimony::report {
namespace {

void fact(std::string& out, const std::string& name, const std::string& value) {
  put(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape_markup(name), escape_markup(value));
}

std::string explanation(const study::Trial& trial) {
  if (!trial.outcome) return "still being evaluated";
  if (const auto* pruned = std::get_if<study::Pruned>(&*trial.outcome)) {
    return fmt::format("ended {}: {}", pruned->where, pruned->why);
  }
  if (const auto* failed = std::get_if<study::Failed>(&*trial.outcome)) {
    return failed->message.empty()
               ? std::string(study::name_of(failed->reason))
               : fmt::format("{}: {}", study::name_of(failed->reason), failed->message);
  }
  return {};
}

void numbers(std::string& out, const View& view, const study::Trial& trial) {
  out += "<dl class=\"facts\">\n";
  if (trial.outcome) {
    if (const objective::Scores* scores = study::scores_of(*trial.outcome)) {
      for (const auto& [name, value] : *scores) {
        fact(out,
             term_of(name).title + (name == "inherited" ? "" : ", validation"),
             format_score(name, value));
      }
    }
  }
  for (const auto& [name, value] : trial.costs)
    fact(out, term_of(name).title, format_score(name, value));
  if (const auto found = view.models.find(trial.id); found != view.models.end()) {
    const ReportedModel& model = *found->second;
    for (const char* name : {"miou",
                             "miou_frozen",
                             "miou_recalibrated",
                             "miou_aligned",
                             "pixel_accuracy",
                             "mean_accuracy",
                             "pck",
                             "pckh",
                             "oks_ap",
                             "rmse",
                             "rmse_log",
                             "abs_rel",
                             "delta1",
                             "delta2",
                             "delta3"}) {
      if (const auto value = value_of(model, name))
        fact(out, term_of(name).title + ", test", format_score(name, *value));
    }
    // Where the network that was trained to the end is wider than the candidate.
    for (const auto& [name, value] : trial.costs) {
      const auto own = value_of(model, name);
      if (own && *own != value)
        fact(out, term_of(name).title + ", trained network", format_score(name, *own));
    }
    if (model.onnx_difference)
      fact(out, "ONNX, largest difference", fmt::format("{:.2g}", *model.onnx_difference));
    if (!model.model.folder.empty()) fact(out, "Folder", model.model.folder);
  }
  if (view.data.rewards.size() > 1)
    fact(out,
         "Proposed by the search for",
         objective::to_text(view.data.rewards[static_cast<std::size_t>(trial.setting)]));
  if (const auto value = scalarized_value(view.data, trial))
    fact(out, "Worth to its search", fmt::format("{:.4f}", *value));
  fact(out, "Time spent", core::human_duration(trial.seconds));
  if (trial.same_as) fact(out, "Same network as", fmt::format("#{}", *trial.same_as));
  out += "</dl>\n";
}

void drawings(std::string& out, const View& view, const study::Trial& trial) {
  try {
    const std::vector<graph::Drawing> drawings =
        graph::draw(space::parse_genotype(trial.genotype), view.data.network);
    out += "<div class=\"drawings\">";
    for (const graph::Drawing& drawing : drawings) {
      put(out,
          R"(<figure><figcaption>{}</figcaption><div class="scroll">{}</div></figure>)",
          drawing.title,
          drawing.svg);
    }
    out += "</div>";
  } catch (const core::Error&) {
    // Of another space or another supernet: there is no drawing, the text has to do.
    return;
  }
}

}  // namespace

std::string render_card(const View& view, const study::Trial& trial) {
  std::string out;
  put(out,
      R"(<h3>Candidate #{}</h3><p class="badges"><span class="badge {}">{}</span>)",
      trial.id,
      word_of(trial),
      word_of(trial));
  if (view.on_front.contains(trial.id))
    put(out, R"(<span class="badge front">on the front</span>)");
  if (const auto note = view.notes.find(trial.id); note != view.notes.end())
    put(out, R"(<span class="badge">{}</span>)", describe(*note->second));
  if (view.models.contains(trial.id))
    put(out, R"(<span class="badge final">trained to the end</span>)");
  put(out, "</p>");
  if (const std::string text = explanation(trial); !text.empty())
    put(out, "<p>{}</p>", escape_markup(text));
  numbers(out, view, trial);
  put(out,
      R"(<p class="genotype"><span>Genotype</span> <code>{}</code></p>)",
      escape_markup(trial.genotype));
  if (view.drawn.contains(trial.id)) {
    drawings(out, view, trial);
  } else {
    put(out,
        R"(<p class="note">Drawings are kept for the front and the best candidates; )"
        R"(<code>parsimony inspect --genotype</code> draws any other.</p>)");
  }
  return out;
}

}  // namespace parsimony::report
