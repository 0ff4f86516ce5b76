// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/controller.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/search/rl/kernels.h"

namespace parsimony::search {
namespace {

int draw(std::span<const double> log_probs, core::Rng& rng) {
  double left = rng.uniform();
  for (std::size_t i = 0; i + 1 < log_probs.size(); ++i) {
    left -= std::exp(log_probs[i]);
    if (left < 0) return static_cast<int>(i);
  }
  return static_cast<int>(log_probs.size()) - 1;
}

}  // namespace

void ControllerOptions::visit(core::FieldVisitor& v) {
  v.choice("input",
           input,
           kControllerInputNames,
           {"what a step reads: the last hidden output or the chosen token"});
  v.field("layers", layers, {"LSTM layers", 1, 16});
  v.field("units", units, {"hidden units of each LSTM layer", 1, 4096});
  v.field("initial_range", initial_range, {"parameters start uniform in [-range, range)", 0, 10});
}

template <typename Real>
double BasicController<Real>::Unroll::entropy() const {
  return std::accumulate(entropies.begin(), entropies.end(), 0.0);
}

template <typename Real>
BasicController<Real>::BasicController(const ControllerOptions& options,
                                       const space::SearchSpace& space,
                                       core::Rng rng)
    : options_(options), space_(&space), lstm_(options.layers, options.units) {
  const auto units = static_cast<std::size_t>(options.units);
  std::size_t size = units + lstm_.parameter_count();
  std::map<std::string, std::size_t> known;
  for (const space::Decision& decision : space.decisions()) {
    const auto [entry, is_new] = known.emplace(decision.head, heads_.size());
    const auto choices = static_cast<std::size_t>(decision.choices);
    if (is_new) {
      heads_.push_back(
          {.choices = decision.choices, .weights = size, .biases = size + choices * units});
      size += choices * (units + 1);
    }
    const Head& head = heads_[entry->second];
    core::require(head.choices == decision.choices,
                  "space {}: decision {} has {} choices, its head {} has {}",
                  space.name(),
                  decision.name,
                  decision.choices,
                  decision.head,
                  head.choices);
    slots_.push_back({entry->second, table_size_});
    table_size_ += choices;
  }
  if (feeds_tokens()) {
    for (Head& head : heads_) {
      head.embeddings = size;
      size += static_cast<std::size_t>(head.choices) * units;
    }
  }
  parameters_.resize(size);
  for (Real& parameter : parameters_) {
    parameter = static_cast<Real>(rng.uniform(-options.initial_range, options.initial_range));
  }
}

template <typename Real>
std::span<const double> BasicController<Real>::row(const std::vector<double>& table,
                                                   std::size_t decision) const {
  const auto choices = static_cast<std::size_t>(heads_[slots_[decision].head].choices);
  return std::span(table).subspan(slots_[decision].table, choices);
}

template <typename Real>
std::optional<std::size_t> BasicController<Real>::input_parameter(
    int step, const std::vector<int>& fed_back) const {
  if (step == 0) return 0;
  const int before = step - 1 - space_->warm_up_steps();  // the decision taken at the step before
  if (!feeds_tokens() || before < 0) return std::nullopt;
  const auto decision = static_cast<std::size_t>(before);
  return heads_[slots_[decision].head].embeddings +
         static_cast<std::size_t>(fed_back[decision] * options_.units);
}

template <typename Real>
void BasicController<Real>::unroll(const Choose& choose, Unroll& result) const {
  const int warm_up = space_->warm_up_steps();
  const int steps = warm_up + static_cast<int>(slots_.size());
  const Real* lstm_weights = parameters_.data() + options_.units;
  result.log_probs.resize(table_size_);
  result.entropies.resize(slots_.size());
  result.fed_back.clear();
  lstm_.begin(result.tape, steps);
  const Real* hidden = nullptr;
  for (int step = 0; step < steps; ++step) {
    const auto parameter = input_parameter(step, result.fed_back);
    hidden = lstm_.forward(
        lstm_weights, parameter ? parameters_.data() + *parameter : hidden, result.tape);
    if (step < warm_up) continue;
    const auto decision = static_cast<std::size_t>(step - warm_up);
    decide(decision, hidden, result);
    if (feeds_tokens())
      result.fed_back.push_back(choose(decision, row(result.log_probs, decision)));
  }
}

// Log-softmax of the decision's logits, in double: log pi is a sum of many such numbers.
template <typename Real>
void BasicController<Real>::decide(std::size_t decision, const Real* hidden, Unroll& result) const {
  const Head& head = heads_[slots_[decision].head];
  std::vector<Real> logits(static_cast<std::size_t>(head.choices));
  multiply_rows(
      parameters_.data() + head.weights, head.choices, options_.units, hidden, logits.data());
  double* log_probs = result.log_probs.data() + slots_[decision].table;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    log_probs[i] = logits[i] + parameters_[head.biases + i];
  }
  const double highest = *std::max_element(log_probs, log_probs + logits.size());
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) sum += std::exp(log_probs[i] - highest);
  const double log_sum = highest + std::log(sum);
  double entropy = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    log_probs[i] -= log_sum;
    entropy -= std::exp(log_probs[i]) * log_probs[i];
  }
  result.entropies[decision] = entropy;
}

template <typename Real>
double BasicController<Real>::log_prob(const Unroll& unroll, const space::Tokens& tokens) const {
  double sum = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    sum += row(unroll.log_probs, i)[static_cast<std::size_t>(tokens[i])];
  }
  return sum;
}

template <typename Real>
auto BasicController<Real>::sample(core::Rng& rng) const -> Sample {
  Unroll result;
  unroll([&rng](std::size_t, std::span<const double> log_probs) { return draw(log_probs, rng); },
         result);
  Sample sample{.tokens = result.fed_back, .log_prob = 0, .entropy = result.entropy()};
  if (!feeds_tokens()) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      sample.tokens.push_back(draw(row(result.log_probs, i), rng));
    }
  }
  sample.log_prob = log_prob(result, sample.tokens);
  return sample;
}

template <typename Real>
double BasicController<Real>::log_prob(const space::Tokens& tokens) const {
  Evaluation evaluation;
  evaluate({&tokens, 1}, evaluation);
  return evaluation.log_probs.front();
}

template <typename Real>
void BasicController<Real>::evaluate(std::span<const space::Tokens> batch,
                                     Evaluation& evaluation) const {
  for (const space::Tokens& tokens : batch) space::check(*space_, tokens);
  evaluation.batch.assign(batch.begin(), batch.end());
  evaluation.log_probs.resize(batch.size());
  evaluation.unrolls.resize(feeds_tokens() ? batch.size() : std::min<std::size_t>(batch.size(), 1));
  for (std::size_t u = 0; u < evaluation.unrolls.size(); ++u) {
    unroll([&](std::size_t decision, std::span<const double>) { return batch[u][decision]; },
           evaluation.unrolls[u]);
  }
  for (std::size_t k = 0; k < batch.size(); ++k) {
    evaluation.log_probs[k] = log_prob(evaluation.unrolls[feeds_tokens() ? k : 0], batch[k]);
  }
}

// d log p(a) / d logit j = [a = j] - p(j);  d H / d logit j = -p(j) (log p(j) + H).
template <typename Real>
void BasicController<Real>::add_gradient(Evaluation& evaluation,
                                         std::span<const double> weights,
                                         double entropy_weight,
                                         std::span<Real> gradient) const {
  core::require(weights.size() == evaluation.batch.size() && gradient.size() == parameters_.size(),
                "{} weights for a batch of {}, {} gradients for {} parameters",
                weights.size(),
                evaluation.batch.size(),
                gradient.size(),
                parameters_.size());
  const std::size_t sequences_each = feeds_tokens() ? 1 : evaluation.batch.size();
  std::vector<double> d_logits(table_size_);
  for (std::size_t u = 0; u < evaluation.unrolls.size(); ++u) {
    Unroll& unroll = evaluation.unrolls[u];
    const std::size_t first = u * sequences_each;
    const auto share = weights.subspan(first, sequences_each);
    const double total = std::accumulate(share.begin(), share.end(), 0.0);
    const double entropies = entropy_weight * static_cast<double>(sequences_each);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto log_probs = row(unroll.log_probs, i);
      double* d_row = d_logits.data() + slots_[i].table;
      for (std::size_t j = 0; j < log_probs.size(); ++j) {
        d_row[j] =
            -std::exp(log_probs[j]) * (total + entropies * (log_probs[j] + unroll.entropies[i]));
      }
      for (std::size_t k = 0; k < sequences_each; ++k) {
        d_row[static_cast<std::size_t>(evaluation.batch[first + k][i])] += share[k];
      }
    }
    go_back(unroll, d_logits, gradient);
  }
}

template <typename Real>
void BasicController<Real>::go_back(Unroll& unroll,
                                    std::span<const double> d_logits,
                                    std::span<Real> gradient) const {
  const int units = options_.units;
  const int warm_up = space_->warm_up_steps();
  std::vector<Real> d_hidden(static_cast<std::size_t>(units));
  std::vector<Real> d_input(static_cast<std::size_t>(units));
  std::vector<Real> d_row;
  for (int step = unroll.tape.steps - 1; step >= 0; --step) {
    if (step >= warm_up) {
      const Slot& slot = slots_[static_cast<std::size_t>(step - warm_up)];
      const Head& head = heads_[slot.head];
      const auto logits = d_logits.subspan(slot.table, static_cast<std::size_t>(head.choices));
      d_row.assign(logits.begin(), logits.end());
      add_weighted_rows(
          d_row.data(), 1, parameters_.data() + head.weights, head.choices, units, d_hidden.data());
      const Real* hidden = lstm_.output(unroll.tape, step);
      for (std::size_t j = 0; j < d_row.size(); ++j) {
        Real* weights = gradient.data() + head.weights + j * static_cast<std::size_t>(units);
        add_weighted_rows(&d_row[j], 0, hidden, 1, units, weights);
        gradient[head.biases + j] += d_row[j];
      }
    }
    lstm_.backward(parameters_.data() + units, step, d_hidden.data(), d_input.data(), unroll.tape);
    std::fill(d_hidden.begin(), d_hidden.end(), Real(0));
    const auto parameter = input_parameter(step, unroll.fed_back);
    Real* target = parameter ? gradient.data() + *parameter : d_hidden.data();
    for (std::size_t i = 0; i < d_input.size(); ++i) target[i] += d_input[i];
  }
  lstm_.add_gradient(unroll.tape, gradient.data() + units);
}

template class BasicController<float>;
template class BasicController<double>;

}  // namespace parsimony::search
