// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/path_attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

std::vector<double> conditional_sigmoid(const std::vector<double>& scores, double temperature) {
  // log(1 - p) = -softplus(e); in this form the denominator keeps its digits where all gates close.
  double log_all_closed = 0;
  for (const double score : scores) {
    const double e = score / temperature;
    log_all_closed -= std::max(e, 0.0) + std::log1p(std::exp(-std::abs(e)));
  }
  std::vector<double> weights;
  for (const double score : scores)
    weights.push_back(1 / (1 + std::exp(-score / temperature)) / -std::expm1(log_all_closed));
  return weights;
}

std::vector<double> softmax(const std::vector<double>& scores, double temperature) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  std::vector<double> weights;
  for (const double score : scores) weights.push_back(std::exp((score - largest) / temperature));
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::vector<double> top_k(const std::vector<double>& scores, std::int64_t kept) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores[a] > scores[b];
  });
  const std::size_t count = std::min(scores.size(), static_cast<std::size_t>(kept));
  std::vector<double> weights(scores.size(), 0);
  for (std::size_t i = 0; i < count; ++i) weights[order[i]] = 1 / static_cast<double>(count);
  return weights;
}

}  // namespace

std::vector<double> fusion_weights(const PathAttention& gate, const std::vector<double>& scores) {
  core::require(!scores.empty(), "path attention over no maps");
  switch (gate.gate) {
    case PathGate::kConditionalSigmoid:
      return conditional_sigmoid(scores, gate.temperature);
    case PathGate::kSoftmax:
      return softmax(scores, gate.temperature);
    case PathGate::kReluTanh: {
      std::vector<double> weights;
      for (const double score : scores) weights.push_back(std::max(0.0, std::tanh(score)));
      return weights;
    }
    case PathGate::kHardTopK:
      return top_k(scores, gate.kept);
    case PathGate::kUniform:
      break;
  }
  return std::vector<double>(scores.size(), 1 / static_cast<double>(scores.size()));
}

}  // namespace parsimony::graph
