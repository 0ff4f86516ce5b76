// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/core/rng.h"
#include "parsimony/search/rl/lstm.h"
#include "parsimony/space/space.h"

namespace parsimony::search {

// What the controller reads at each step after its first.
//   kHidden: its own last hidden output, as in the reference code of Nekrasov et al. (CVPR 2019).
//   The
//            decisions' distributions then do not depend on the tokens chosen before, so the policy
//            is a product of independent categoricals, and one unroll gives the probability of
//            every token sequence.
//   kToken:  an embedding of the token it has just chosen, as the paper's figure 1 draws it: a true
//            autoregressive policy, one unroll per token sequence.
enum class ControllerInput { kHidden, kToken };
inline constexpr std::array<std::string_view, 2> kControllerInputNames = {"hidden", "token"};

struct ControllerOptions {
  ControllerInput input = ControllerInput::kHidden;
  int layers = 2;
  int units = 100;
  double initial_range = 0.1;  // every parameter starts uniform in [-range, range)
  void visit(core::FieldVisitor& v);
};

// The policy of the RL searches: an LSTM with one step per decision of a space, after
// `warm_up_steps` steps without a decision, and one linear layer per distinct Decision::head that
// turns the hidden output into logits. The first input is learned. Until there is a token to feed
// back, kToken feeds back the hidden output too.
//
//   Controller controller({}, space, rng);
//   auto [tokens, log_prob, entropy] = controller.sample(rng);
//   controller.evaluate(batch, evaluation);                             // log pi(a) for all a
//   controller.add_gradient(evaluation, weights, 0.01, gradient);       // of sum w log pi + 0.01 H
//
// The space must outlive the controller. `Real` is float; double serves to check gradients.
template <typename Real>
class BasicController {
 public:
  struct Sample {
    space::Tokens tokens;
    double log_prob = 0;  // nats
    double entropy = 0;   // nats: sum of the entropies of the distributions that were drawn from
  };

  // One run of the LSTM: what the decisions' distributions were, and all it takes to go back.
  struct Unroll {
    LstmTape<Real> tape;
    std::vector<double> log_probs;  // [decision][choice], ragged
    std::vector<double> entropies;  // [decision]
    std::vector<int> fed_back;      // kToken: the token of each decision; else empty
    double entropy() const;
  };

  // A batch of token sequences under the present parameters. Reused between batches.
  struct Evaluation {
    std::vector<space::Tokens> batch;
    std::vector<double> log_probs;  // one per sequence
    std::vector<Unroll> unrolls;    // kToken: one per sequence; kHidden: one for all
  };

  BasicController(const ControllerOptions& options, const space::SearchSpace& space, core::Rng rng);

  Sample sample(core::Rng& rng) const;
  double log_prob(const space::Tokens& tokens) const;
  void evaluate(std::span<const space::Tokens> batch, Evaluation& evaluation) const;
  // Adds to `gradient` the derivative, by the parameters, of
  //   sum over the batch of (weights[k] * log_prob(k) + entropy_weight * entropy(k)).
  // The parameters must be those of the evaluation. `evaluation` lends its scratch memory.
  void add_gradient(Evaluation& evaluation,
                    std::span<const double> weights,
                    double entropy_weight,
                    std::span<Real> gradient) const;

  // In this order: first input, LSTM layers, heads (weights, then biases, of each), embeddings.
  std::span<Real> parameters() { return parameters_; }
  std::span<const Real> parameters() const { return parameters_; }
  const ControllerOptions& options() const { return options_; }

 private:
  struct Head {  // offsets into the parameters
    int choices = 0;
    std::size_t weights = 0;     // [choices][units]
    std::size_t biases = 0;      // [choices]
    std::size_t embeddings = 0;  // [choices][units], kToken only
  };
  struct Slot {  // one decision
    std::size_t head = 0;
    std::size_t table = 0;  // where its choices start in a ragged [decision][choice] table
  };
  using Choose = std::function<int(std::size_t decision, std::span<const double> log_probs)>;

  void unroll(const Choose& choose, Unroll& result) const;
  void decide(std::size_t decision, const Real* hidden, Unroll& result) const;
  void go_back(Unroll& unroll, std::span<const double> d_logits, std::span<Real> gradient) const;
  double log_prob(const Unroll& unroll, const space::Tokens& tokens) const;
  bool feeds_tokens() const { return options_.input == ControllerInput::kToken; }
  // The parameter that is the input of `step`, or nothing when that is the hidden output before it.
  std::optional<std::size_t> input_parameter(int step, const std::vector<int>& fed_back) const;
  std::span<const double> row(const std::vector<double>& table, std::size_t decision) const;

  ControllerOptions options_;
  const space::SearchSpace* space_;
  Lstm<Real> lstm_;
  std::vector<Head> heads_;
  std::vector<Slot> slots_;
  std::size_t table_size_ = 0;
  std::vector<Real> parameters_;
};

using Controller = BasicController<float>;

}  // namespace parsimony::search
