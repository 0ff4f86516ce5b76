// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/terms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "parsimony/core/text.h"
#include "parsimony/objective/objective.h"
#include "parsimony/study/trial.h"

namespace parsimony::report {
namespace {

struct Entry {
  std::string_view score, title;
  Term::Kind kind;
};

constexpr std::array kTerms = {
    Entry{"reward", "Reward", Term::Kind::kPlain},
    Entry{"miou", "mIoU", Term::Kind::kPercent},
    Entry{"miou_aligned", "mIoU before training, statistics aligned", Term::Kind::kPercent},
    Entry{"miou_frozen", "mIoU before training, statistics frozen", Term::Kind::kPercent},
    Entry{
        "miou_recalibrated", "mIoU before training, statistics recalibrated", Term::Kind::kPercent},
    Entry{"foreground_iou", "Foreground IoU", Term::Kind::kPercent},
    Entry{"pixel_accuracy", "Pixel accuracy", Term::Kind::kPercent},
    Entry{"mean_accuracy", "Mean accuracy", Term::Kind::kPercent},
    Entry{"fwiou", "Frequency-weighted IoU", Term::Kind::kPercent},
    Entry{"f1", "Mean F1", Term::Kind::kPercent},
    Entry{"pck", "PCK", Term::Kind::kPercent},
    Entry{"pckh", "PCKh@0.5", Term::Kind::kPercent},
    Entry{"oks_ap", "OKS-AP", Term::Kind::kPercent},
    Entry{"rmse", "RMSE", Term::Kind::kMetres},
    Entry{"rmse_log", "RMSE of logarithms", Term::Kind::kPlain},
    Entry{"log10", "Mean log10 error", Term::Kind::kPlain},
    Entry{"abs_rel", "Absolute relative error", Term::Kind::kPlain},
    Entry{"sq_rel", "Squared relative error", Term::Kind::kPlain},
    Entry{"delta1", "Depth δ1", Term::Kind::kPercent},
    Entry{"delta2", "Depth δ2", Term::Kind::kPercent},
    Entry{"delta3", "Depth δ3", Term::Kind::kPercent},
    Entry{"params", "Parameters", Term::Kind::kCount},
    Entry{"macs", "Multiply-accumulates", Term::Kind::kCount},
    Entry{"flops", "FLOPs as counted by thop", Term::Kind::kCount},
    Entry{"peak_activation_bytes", "Peak activations", Term::Kind::kBytes},
    Entry{"latency_ms", "Latency", Term::Kind::kMilliseconds},
    Entry{"inherited", "Weights from a relative", Term::Kind::kPercent},
};

}  // namespace

Term term_of(std::string_view score) {
  const auto entry = std::find_if(
      kTerms.begin(), kTerms.end(), [score](const Entry& e) { return e.score == score; });
  if (entry != kTerms.end()) return {std::string(entry->title), entry->kind};
  if (score.starts_with(objective::kLatencyOn)) {
    const std::string_view device = score.substr(objective::kLatencyOn.size());
    return {fmt::format("{} on {}",
                        objective::is_measured_latency(score) ? "Latency" : "Estimated latency",
                        device),
            Term::Kind::kMilliseconds};
  }
  if (score.starts_with(objective::kF1Of))
    return {fmt::format("F1 of {}", score.substr(objective::kF1Of.size())), Term::Kind::kPercent};
  if (score.starts_with(study::kEstimatedOn)) {
    return {
        fmt::format("{}: estimated, the device was away", score.substr(study::kEstimatedOn.size())),
        Term::Kind::kPlain};
  }
  Term term{std::string(score), Term::Kind::kPlain};
  std::replace(term.title.begin(), term.title.end(), '_', ' ');
  return term;
}

std::string axis_title(const Term& term) {
  if (term.kind == Term::Kind::kMilliseconds) return term.title + " (ms)";
  if (term.kind == Term::Kind::kMetres) return term.title + " (m)";
  return term.title + (term.kind == Term::Kind::kBytes ? ", bytes" : "");
}

AxisOptions axis_options(const Term& term) {
  const bool share = term.kind == Term::Kind::kPercent;
  return {.counts = term.kind == Term::Kind::kCount || term.kind == Term::Kind::kBytes,
          .percent = share,
          .may_be_log = !share};
}

std::string title_in_sentence(const Term& term) {
  std::string text = term.title;
  if (text.size() > 1 && (text[1] < 'A' || text[1] > 'Z')) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

std::string percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", 100 * share) : "–";
}

std::string format_score(std::string_view score, double value) {
  if (!std::isfinite(value)) return "–";
  switch (term_of(score).kind) {
    case Term::Kind::kPlain:
      return fmt::format("{:.4g}", value);
    case Term::Kind::kPercent:
      return percent(value);
    case Term::Kind::kCount:
      return core::human_count(value);
    case Term::Kind::kBytes:
      return core::human_bytes(value);
    case Term::Kind::kMilliseconds:
      return fmt::format("{:.3g} ms", value);
    case Term::Kind::kMetres:
      return fmt::format("{:.3f} m", value);
  }
  return {};
}

}  // namespace parsimony::report
