// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/fake.h"

#include <cmath>
#include <numeric>
#include <thread>

namespace parsimony::evaluate {

Prepared FakeEvaluator::prepare(const space::Tokens& tokens) const {
  const std::string text = space_.text(tokens);
  const auto sum = static_cast<double>(std::accumulate(tokens.begin(), tokens.end(), 0));
  return {text, text, {{"params", 1e5 + 1e3 * sum}, {"macs", 1e7 + 1e5 * sum}}, std::nullopt, 0};
}

Evaluation FakeEvaluator::evaluate(study::TrialId trial,
                                   const space::Tokens& tokens,
                                   const core::StopFlag& stop) {
  core::Rng lengths = rng_.split("delay").split(static_cast<std::uint64_t>(trial));
  const auto until = std::chrono::steady_clock::now() +
                     options_.delay * std::pow(options_.delay_spread, lengths.uniform());
  while (std::chrono::steady_clock::now() < until) {
    if (stop.requested())
      return {study::Failed{study::FailureReason::kInterrupted, "asked to stop"}, {}};
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  if (options_.fail_every > 0 && trial % options_.fail_every == 0) {
    return {study::Failed{study::FailureReason::kDiverged, "planned failure"}, {}};
  }
  double agreeing = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) agreeing += tokens[i] == optimum_[i] ? 1 : 0;
  core::Rng noise = rng_.split(static_cast<std::uint64_t>(trial));
  const double reward =
      agreeing / static_cast<double>(tokens.size()) + options_.noise * noise.normal();
  Evaluation evaluation{study::Scored{{{"reward", reward}, {"miou", reward}}}, {}};
  if (options_.measured > 0) evaluation.costs["latency_ms.fake"] = options_.measured;
  return evaluation;
}

}  // namespace parsimony::evaluate
