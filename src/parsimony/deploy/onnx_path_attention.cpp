// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/onnx_path_attention.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/deploy/trained_graph.h"
#include "parsimony/graph/path_attention.h"

namespace parsimony::deploy {
namespace {

using graph::PathAttention;
using graph::PathGate;

class Gate {
 public:
  Gate(OnnxBuilder& builder,
       const graph::Node& node,
       const weights::ArrayMap& weights,
       const std::vector<std::string>& maps)
      : builder_(builder),
        name_(node.name),
        gate_(std::get<PathAttention>(node.layer)),
        maps_(maps) {
    for (const Parameter& parameter : parameters_of(node))
      values_.push_back(values_of(weights, parameter));
  }

  std::string append() {
    const std::vector<std::string> factors =
        gate_.reads_content() ? computed_factors() : constant_factors();
    std::string sum;
    for (std::size_t k = 0; k < maps_.size(); ++k) {
      const std::string share = op("Mul", {maps_[k], factors[k]}, "share");
      sum = k == 0 ? share : op("Add", {sum, share}, "sum");
    }
    return sum;
  }

 private:
  std::string op(std::string_view kind,
                 const std::vector<std::string>& inputs,
                 const std::string& suffix,
                 const std::vector<OnnxAttribute>& attributes = {}) {
    return builder_.node(kind, inputs, name_ + "." + suffix, attributes);
  }

  // One factor [1, 1, 1, 1] for each map.
  std::vector<std::string> constant_factors() {
    std::vector<double> scores(maps_.size(), 0);
    if (!values_.empty()) scores.assign(values_[0].begin(), values_[0].end());
    std::vector<std::string> factors;
    for (const double weight : graph::fusion_weights(gate_, scores)) {
      const auto value = static_cast<float>(weight);
      factors.push_back(builder_.floats(name_ + ".factor", {1, 1, 1, 1}, {&value, 1}));
    }
    return factors;
  }

  std::vector<std::string> computed_factors() {
    const auto count = static_cast<std::int64_t>(maps_.size());
    const std::string e = scores();
    if (count == 1) return {factors_of(e)};
    std::vector<std::string> names(maps_.size(), name_ + ".factor");
    return builder_.node(
        "Split",
        {factors_of(e), builder_.integers(std::vector<std::int64_t>(maps_.size(), 1))},
        names,
        {{"axis", std::int64_t{1}}});
  }

  // [1, K, 1, 1]
  std::string scores() {
    const std::int64_t hidden = gate_.hidden();
    const std::string first =
        builder_.floats(name_ + ".hidden_weight", {hidden, gate_.channels, 1, 1}, values_[1]);
    const std::string first_bias = builder_.floats(name_ + ".hidden_bias", {hidden}, values_[2]);
    const std::string second =
        builder_.floats(name_ + ".score_weight", {1, hidden, 1, 1}, values_[3]);
    const std::string second_bias = builder_.floats(name_ + ".score_bias", {1}, values_[4]);
    std::vector<std::string> contents;
    for (const std::string& map : maps_) {
      const std::string mean = op("GlobalAveragePool", {op("Relu", {map}, "positive")}, "mean");
      const std::string inner =
          op("Relu", {op("Conv", {mean, first, first_bias}, "hidden")}, "hidden_relu");
      contents.push_back(op("Conv", {inner, second, second_bias}, "content"));
    }
    const std::string content =
        contents.size() == 1 ? contents[0]
                             : op("Concat", contents, "contents", {{"axis", std::int64_t{1}}});
    const std::string gamma = builder_.floats(
        name_ + ".gamma", {1, static_cast<std::int64_t>(maps_.size()), 1, 1}, values_[0]);
    return op("Add", {content, gamma}, "scores");
  }

  std::string at_temperature(const std::string& e) {
    if (gate_.temperature == 1) return e;
    const std::string inverse = builder_.scalar(static_cast<float>(1 / gate_.temperature));
    return op("Mul", {e, inverse}, "tempered");
  }

  // [1, K, 1, 1]
  std::string factors_of(const std::string& e) {
    switch (gate_.gate) {
      case PathGate::kConditionalSigmoid:
        return conditional_sigmoid(at_temperature(e));
      case PathGate::kSoftmax:
        return op("Softmax", {at_temperature(e)}, "factors", {{"axis", std::int64_t{1}}});
      case PathGate::kReluTanh:
        return op("Relu", {op("Tanh", {e}, "tanh")}, "factors");
      case PathGate::kHardTopK:
        return top_k(e);
      case PathGate::kUniform:
        break;
    }
    core::throw_internal_error("'{}': a uniform gate has no scores", name_);
  }

  std::string conditional_sigmoid(const std::string& e) {
    const std::string p = op("Sigmoid", {e}, "open");
    const std::string closed =
        op("Sigmoid", {op("Mul", {e, builder_.scalar(-1)}, "mirrored")}, "closed");
    const std::string all_closed =
        op("ReduceProd", {closed}, "all_closed", {{"axes", std::vector<std::int64_t>{1}}});
    const std::string some_open = op("Sub", {builder_.scalar(1), all_closed}, "some_open");
    return op("Div", {p, some_open}, "factors");
  }

  std::string top_k(const std::string& e) {
    const auto count = static_cast<std::int64_t>(maps_.size());
    const std::int64_t kept = std::min(gate_.kept, count);
    const std::vector<std::string> best = builder_.node("TopK",
                                                        {e, builder_.integers({kept})},
                                                        {name_ + ".best", name_ + ".chosen"},
                                                        {{"axis", std::int64_t{1}}});
    const std::vector<float> none(maps_.size(), 0.0F);
    const std::vector<float> all(static_cast<std::size_t>(kept), 1 / static_cast<float>(kept));
    const std::string zeros = builder_.floats(name_ + ".closed", {1, count, 1, 1}, none);
    const std::string shares = builder_.floats(name_ + ".share", {1, kept, 1, 1}, all);
    return op("ScatterElements", {zeros, best[1], shares}, "factors", {{"axis", std::int64_t{1}}});
  }

  OnnxBuilder& builder_;
  const std::string name_;
  const PathAttention gate_;
  const std::vector<std::string>& maps_;
  std::vector<std::vector<float>> values_;  // gamma first, then what reads the content
};

}  // namespace

std::string append_path_attention(OnnxBuilder& builder,
                                  const graph::Node& node,
                                  const weights::ArrayMap& weights,
                                  const std::vector<std::string>& maps) {
  return Gate(builder, node, weights, maps).append();
}

}  // namespace parsimony::deploy
