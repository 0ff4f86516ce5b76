// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"

namespace parsimony::report {
namespace {

const study::Trial* trial_of(const View& view, const ReportedModel& model) {
  const auto found = view.trials.find(model.model.trial);
  return found == view.trials.end() ? nullptr : found->second;
}

// On a network that was drawn at random for comparison; else nothing.
std::string random_badge(const View& view, study::TrialId trial) {
  if (!view.is_random(trial)) return {};
  const auto origin = static_cast<std::size_t>(view.notes.at(trial)->origin);
  return fmt::format(R"( <span class="badge">{}</span> )",
                     differentiable::kNetworkOriginNames[origin]);
}

void cell(std::string& out, const std::string& score, const std::optional<double>& value) {
  if (value) {
    put(out, R"(<td class="num" data-v="{}">{}</td>)", *value, format_score(score, *value));
  } else {
    put(out, R"(<td class="num" data-v="">–</td>)");
  }
}

void model_row(std::string& out, const View& view, const ReportedModel& model) {
  const study::Trial* trial = trial_of(view, model);
  const auto of_trial = [trial](const std::string& name) {
    return trial == nullptr ? std::nullopt : value_of(*trial, name);
  };
  put(out,
      R"(<tr><th scope="row" data-v="{}"><a href="#network-{}">#{}</a>{}</th>)",
      model.model.trial,
      model.model.trial,
      model.model.trial,
      random_badge(view, model.model.trial));
  cell(out, view.quality, of_trial(view.quality));
  for (const std::string& score : view.test_scores) cell(out, score, value_of(model, score));
  for (const std::string& cost : view.costs) cell(out, cost, view.cost_of(model, cost));
  for (const std::string& latency : view.latencies) cell(out, latency, value_of(model, latency));
  if (model.onnx_difference) {
    put(out,
        R"(<td class="num" data-v="{}">{:.1e}</td>)",
        *model.onnx_difference,
        *model.onnx_difference);
  } else {
    put(out, R"(<td data-v="">not compared</td>)");
  }
  put(out, R"(<td><code>{}</code></td></tr>)", escape_markup(model.model.folder));
}

// What is reached on the test split without looking at pictures, for comparison.
void constant_row(std::string& out, const View& view) {
  const objective::Scores& scores = view.data.constant;
  if (scores.empty()) return;
  put(out,
      R"(<tr class="constant"><th scope="row" data-v="" title="{}">no network</th>)",
      "The mean of the training pictures' labels, said of every picture");
  cell(out, view.quality, std::nullopt);
  for (const std::string& score : view.test_scores) {
    const auto known = scores.find(score);
    cell(out, score, known == scores.end() ? std::nullopt : std::optional(known->second));
  }
  for (std::size_t i = 0; i < view.costs.size() + view.latencies.size(); ++i)
    cell(out, {}, std::nullopt);
  put(out, R"(<td data-v=""></td><td>the mean label, said of every picture</td></tr>)");
}

// Samples of one test picture; networks share the picture and its label.
struct SampleGroup {
  const Sample* sample = nullptr;
  std::vector<std::pair<study::TrialId, const Picture*>> predictions;
};

std::vector<SampleGroup> group_samples(const View& view) {
  std::vector<SampleGroup> groups;
  for (const ReportedModel& model : view.data.models) {
    for (const Sample& sample : model.samples) {
      auto group = std::find_if(groups.begin(), groups.end(), [&sample](const SampleGroup& g) {
        return g.sample->name == sample.name && g.sample->image == sample.image &&
               g.sample->label == sample.label;
      });
      if (group == groups.end()) group = groups.insert(groups.end(), SampleGroup{&sample, {}});
      group->predictions.emplace_back(model.model.trial, &sample.prediction);
    }
  }
  return groups;
}

void picture(std::string& out,
             const Picture& picture,
             const std::string& caption,
             const std::string& text) {
  if (picture.bytes.empty()) {
    put(out,
        R"(<figure><div class="missing">missing</div><figcaption>{}</figcaption></figure>)",
        escape_markup(caption));
    return;
  }
  put(out,
      R"(<figure><img alt="{}" src="{}"><figcaption>{}</figcaption></figure>)",
      escape_markup(text),
      data_uri(picture.media_type, picture.bytes),
      escape_markup(caption));
}

void class_key(std::string& out, const View& view, std::size_t index) {
  put(out,
      R"(<span class="class"><i style="background:{}"></i>{}</span>)",
      class_colour(view.data, index),
      escape_markup(class_name(view.data, index)));
}

void bar(std::string& out, const std::optional<double>& share) {
  if (!share || !std::isfinite(*share)) {
    put(out, "<td>–</td>");
    return;
  }
  put(out,
      R"(<td><span class="bar"><i style="width:{:.1f}%"></i></span><span>{:.1f}</span></td>)",
      100 * std::clamp(*share, 0.0, 1.0),
      100 * *share);
}

std::size_t class_count(const View& view) {
  std::size_t count = view.data.classes.size();
  for (const ReportedModel& model : view.data.models) {
    if (model.metrics) count = std::max(count, model.metrics->iou.size());
  }
  return count;
}

}  // namespace

std::string render_models(const View& view) {
  std::string out =
      open_section("networks",
                   "Chosen networks",
                   "Trained to the end after the search, measured on the test split, exported, and "
                   "compared with their export.");
  if (view.data.models.empty()) {
    put(out,
        R"(<p class="empty">{}</p></section>)",
        view.summary.scored == 0 ? "No network can be chosen before one has been scored."
                                 : "No network has been trained to the end yet.");
    return out;
  }
  put(out,
      R"(<div class="scroll"><table class="sortable"><thead><tr><th scope="col">Network</th>)");
  put(out,
      R"(<th scope="col" class="num">{}, validation</th>)",
      escape_markup(term_of(view.quality).title));
  for (const std::string& score : view.test_scores)
    put(out, R"(<th scope="col" class="num">{}, test</th>)", escape_markup(term_of(score).title));
  for (const auto* names : {&view.costs, &view.latencies}) {
    for (const std::string& name : *names)
      put(out, R"(<th scope="col" class="num">{}</th>)", escape_markup(term_of(name).title));
  }
  put(out,
      R"(<th scope="col" class="num">ONNX difference</th><th scope="col">Folder</th></tr></thead><tbody>)");
  for (const ReportedModel& model : view.data.models) model_row(out, view, model);
  constant_row(out, view);
  put(out, "</tbody></table></div>");
  bool open = true;
  for (const ReportedModel& model : view.data.models) {
    const study::Trial* trial = trial_of(view, model);
    const std::string& score = view.test_scores.front();
    const auto quality = value_of(model, score);
    put(out,
        R"(<details class="network" id="network-{}"{}><summary><b>#{}</b> {}{}</summary>)",
        model.model.trial,
        open ? " open" : "",
        model.model.trial,
        random_badge(view, model.model.trial),
        quality
            ? fmt::format(
                  "{} test {}", format_score(score, *quality), title_in_sentence(term_of(score)))
            : std::string("not measured on the test split"));
    if (trial == nullptr) {
      put(out, "<p class=\"note\">The study holds no candidate of this number.</p>");
    } else {
      out += render_card(view, *trial);
    }
    put(out, "</details>");
    open = false;
  }
  put(out, "</section>");
  return out;
}

std::string render_classes(const View& view) {
  std::vector<const ReportedModel*> measured;
  for (const ReportedModel& model : view.data.models) {
    if (model.metrics && !model.metrics->iou.empty()) measured.push_back(&model);
  }
  if (measured.empty()) return {};
  std::string out = open_section(
      "classes",
      "Scores by class",
      "Intersection over union on the test split, in percent. A dash marks a class that "
      "occurs neither in the labels nor in the predictions; it has no part in the mean.");
  put(out, R"(<div class="scroll"><table class="classes"><thead><tr><th scope="col">Class</th>)");
  for (const ReportedModel* model : measured)
    put(out, R"(<th scope="col">#{}</th>)", model->model.trial);
  put(out, "</tr></thead><tbody>");
  for (std::size_t c = 0; c < class_count(view); ++c) {
    put(out, R"(<tr><th scope="row">)");
    class_key(out, view, c);
    put(out, "</th>");
    for (const ReportedModel* model : measured) {
      bar(out, c < model->metrics->iou.size() ? model->metrics->iou[c] : std::nullopt);
    }
    put(out, "</tr>");
  }
  put(out, R"(</tbody><tfoot><tr><th scope="row">Mean</th>)");
  for (const ReportedModel* model : measured) bar(out, model->metrics->miou);
  put(out, "</tr></tfoot></table></div></section>");
  return out;
}

std::string render_joints(const View& view) {
  std::vector<const ReportedModel*> measured;
  for (const ReportedModel& model : view.data.models) {
    if (model.metrics && !model.metrics->pck.empty()) measured.push_back(&model);
  }
  if (measured.empty()) return {};
  std::string out =
      open_section("joints",
                   "Scores by joint",
                   "Percentage of correct keypoints on the test split: labelled joints that were "
                   "found near enough, by the person's own scale.");
  put(out, R"(<div class="scroll"><table class="classes"><thead><tr><th scope="col">Joint</th>)");
  for (const ReportedModel* model : measured)
    put(out, R"(<th scope="col">#{}</th>)", model->model.trial);
  put(out, "</tr></thead><tbody>");
  for (std::size_t j = 0; j < view.data.joints.size(); ++j) {
    put(out, R"(<tr><th scope="row">{}</th>)", escape_markup(view.data.joints[j]));
    for (const ReportedModel* model : measured)
      bar(out, j < model->metrics->pck.size() ? model->metrics->pck[j] : std::nullopt);
    put(out, "</tr>");
  }
  put(out, R"(</tbody><tfoot><tr><th scope="row">All</th>)");
  for (const ReportedModel* model : measured) bar(out, value_of(*model, "pck"));
  put(out, "</tr></tfoot></table></div></section>");
  return out;
}

std::string render_samples(const View& view) {
  const std::vector<SampleGroup> groups = group_samples(view);
  if (groups.empty()) return {};
  std::string out = open_section(
      "samples", "Sample predictions", "Pictures of the test split, not picked by their score.");
  out += "<p class=\"legend-classes\">";
  for (std::size_t c = 0; c < class_count(view); ++c) class_key(out, view, c);
  out += "</p>\n";
  for (const SampleGroup& group : groups) {
    put(out,
        R"(<div class="sample" role="group" aria-label="{}">)",
        escape_markup(group.sample->name));
    picture(out, group.sample->image, group.sample->name, "test picture " + group.sample->name);
    picture(out, group.sample->label, "label", "label of " + group.sample->name);
    for (const auto& [trial, prediction] : group.predictions) {
      picture(out,
              *prediction,
              fmt::format("#{}", trial),
              fmt::format("prediction of network {} for {}", trial, group.sample->name));
    }
    put(out, "</div>");
  }
  put(out, "</section>");
  return out;
}

}  // namespace parsimony::report
