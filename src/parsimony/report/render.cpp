// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "parsimony/core/files.h"
#include "parsimony/report/assets.h"
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"

namespace parsimony::report {
namespace {

constexpr std::string_view kDefinitions = R"(
<dl class="definitions">
<div><dt>IoU</dt><dd>Of one class: pixels that label and prediction agree on, divided by the pixels that either gives to the class. Pixels marked “ignore” (255) count nowhere.</dd></div>
<div><dt>F1</dt><dd>Of one class: twice the pixels that label and prediction agree on, divided by the pixels that the label gives to the class plus those that the prediction gives to it.</dd></div>
<div><dt>mIoU</dt><dd>Mean of the IoU over the classes that occur, from one confusion matrix of the whole split; not a mean over pictures.</dd></div>
<div><dt>Foreground IoU</dt><dd>The same mean without class 0. With two classes it is the IoU of the foreground, which some papers print as mIoU.</dd></div>
<div><dt>Pixel and mean accuracy</dt><dd>Share of pixels predicted rightly; mean over classes of that share among the pixels labelled with the class.</dd></div>
<div><dt>PCK</dt><dd>Percentage of correct keypoints: share of the labelled joints that are found within 0.2 of the person’s torso (left shoulder to right hip), unless the study says otherwise. PCKh@0.5: within half the head’s size.</dd></div>
<div><dt>OKS-AP</dt><dd>Average precision over object keypoint similarities of 0.50 to 0.95, as COCO defines it.</dd></div>
<div><dt>RMSE and other depth errors</dt><dd>Over all pixels whose true depth is known: root of the mean squared difference in metres; the same of natural logarithms; mean of the difference divided by the true depth.</dd></div>
<div><dt>Depth δ1, δ2, δ3</dt><dd>Share of those pixels where the larger of predicted and true depth is less than 1.25, 1.25², 1.25³ times the smaller.</dd></div>
<div><dt>Reward</dt><dd>What the search maximises, on the validation split after a short training: not comparable with a score on the test split. How it is formed from scores and costs is part of the study below.</dd></div>
<div><dt>Parameters</dt><dd>Trainable values of encoder and decoder: convolution weights and biases, batch-norm scales and shifts. Auxiliary branches serve training only and are left out.</dd></div>
<div><dt>MACs and FLOPs</dt><dd>A multiply-accumulate (MAC) is one multiplication and one addition. MACs here are those of the convolutions for one picture, biases excluded. One MAC is two floating-point operations; many papers print MACs under the name FLOPs, so compare with care. “FLOPs as counted by thop” is one such count: MACs, biases, and two per output of a batch norm.</dd></div>
<div><dt>Latency</dt><dd>Median time for one picture, measured in evaluation mode with batch norms folded, on this host (host-onnx: ONNX Runtime, host-torch: LibTorch) or by a runner on a device. The conditions are in each network’s latency.json and model card.</dd></div>
<div><dt>Estimated latency</dt><dd>What a model of the device says, not a measurement: one picture, batch norms folded, in the number format of the device’s profile. parsimony inspect names the error that the profile states.</dd></div>
<div><dt>Pareto front</dt><dd>The candidates that no other beats: at least as good in every objective and better in one. Only fully scored candidates take part.</dd></div>
<div><dt>Hypervolume</dt><dd>Share of the box between the best and the worst value of each objective that the front dominates, from 0 to 1.</dd></div>
<div><dt>Ended early, rejected, failed</dt><dd>Ended early: training was stopped on purpose, with the score reached. Rejected: never trained, for instance because its answer is the same for every picture. Failed: could not be measured; never counted as a score.</dd></div>
<div><dt>ONNX difference</dt><dd>Largest absolute difference of a logit between the trained network and its export in ONNX Runtime, on the same input.</dd></div>
</dl>
)";

// The hash that allows exactly our script to run and no other: whatever a study's texts contain, a
// browser will not execute it.
std::string script_hash() {
  const std::string hex = core::sha256(kScript);
  std::vector<std::uint8_t> bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, bytes[i], 16);
  }
  return base64(bytes);
}

void contents(std::string& out, const std::string& body) {
  struct Entry {
    std::string_view id, title;
  };
  constexpr Entry kEntries[] = {{"front", "Front"},
                                {"networks", "Networks"},
                                {"compression", "Compression"},
                                {"two-stage", "Two-stage search"},
                                {"classes", "Classes"},
                                {"joints", "Joints"},
                                {"samples", "Samples"},
                                {"transfer", "Transfer"},
                                {"history", "Course"},
                                {"outcomes", "Outcomes"},
                                {"cost", "Cost"},
                                {"candidates", "Candidates"},
                                {"definitions", "Definitions"},
                                {"reproduce", "Reproduce"}};
  out += "<nav aria-label=\"Contents\">";
  for (const Entry& entry : kEntries) {
    if (body.find(fmt::format("<section id=\"{}\"", entry.id)) == std::string::npos) continue;
    out += fmt::format("<a href=\"#{}\">{}</a>", entry.id, entry.title);
  }
  out += "</nav>\n";
}

}  // namespace

std::string open_section(const std::string& id, const std::string& title, const std::string& lead) {
  std::string out;
  put(out, R"(<section id="{}"><h2>{}</h2>)", id, title);
  if (!lead.empty()) put(out, R"(<p class="lead">{}</p>)", lead);
  return out;
}

std::string render_definitions(const View&) {
  return open_section("definitions", "Definitions", "") + std::string(kDefinitions) +
         "</section>\n";
}

std::string render_reproduction(const View& view) {
  std::string out = open_section("reproduce", "Reproduce", "");
  if (!view.data.command.empty()) {
    put(out, R"(<pre class="command"><code>{}</code></pre>)", escape_markup(view.data.command));
  }
  if (!view.data.resolved_study.empty()) {
    put(out,
        R"(<details><summary>The study with all defaults filled in</summary><pre><code>{}</code></pre></details>)",
        escape_markup(view.data.resolved_study));
  }
  if (view.data.command.empty() && view.data.resolved_study.empty()) {
    put(out, R"(<p class="empty">The study's configuration was not recorded.</p>)");
  }
  put(out, "</section>");
  return out;
}

std::string render_report(const ReportData& data) {
  const View view(data);
  std::string body = render_front(view) + render_models(view) + render_compression(view) +
                     render_two_stage(view) + render_classes(view) + render_joints(view) +
                     render_samples(view) + render_transfers(view) + render_history(view) +
                     render_outcomes(view) + render_cost(view) + render_trials(view) +
                     render_definitions(view) + render_reproduction(view);
  std::string out;
  put(out,
      R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{} – Parsimony</title>)",
      escape_markup(data.title));
  put(out,
      R"(<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">)");
  put(out,
      R"(<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{}'">)",
      script_hash());
  put(out, "<style>{}</style></head><body>", kStyleSheet);
  put(out, R"(<main>{})", render_header(view));
  contents(out, body);
  out += body;
  put(out,
      R"(<footer>Written by Parsimony {}. This page is complete in itself and loads nothing.</footer></main>)",
      escape_markup(data.version));
  put(out, R"(<div id="tip" role="status" hidden></div>)");
  for (const study::Trial& trial : data.trials) {
    if (!view.shows(trial.id)) continue;
    put(out, R"(<template id="trial-{}">{}</template>)", trial.id, render_card(view, trial));
  }
  put(out, "<script>{}</script></body></html>", kScript);
  return out;
}

}  // namespace parsimony::report
