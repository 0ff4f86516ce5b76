// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/graph/graph.h"
#include "parsimony/network/arithmetic.h"
#include "parsimony/network/noise.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::network {

// All trainable values of a part of a network as one vector, so that an optimiser, a gradient norm
// or an average is one pass over memory. `tensors` are views into `values`; their gradients are
// views into `gradients`, which a backward pass adds to.
struct ParameterGroup {
  Tensor values;     // [n]
  Tensor gradients;  // [n]
  std::vector<std::pair<std::string, Tensor>> tensors;
  bool empty() const { return tensors.empty(); }
};

// A group of tensors of these names and shapes, all zero.
ParameterGroup parameter_group(
    const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& shapes,
    const at::TensorOptions& options);

// What batch norm normalises with: the batch's statistics, which then move the running ones; the
// running ones; or the batch's, the running ones staying as they are. Dropout is for training,
// which the third is too.
enum class Phase { kTraining, kEvaluation, kBatchStatistics };

// The trainable network of a graph. One object belongs to one thread at a time; different networks
// may run in different threads.
//
//   Network net(simplify(graph), Rng(seed), {});
//   std::vector<Tensor> outputs = net.forward({picture}, Phase::kTraining);  // the graph's order
//   Tensor logits = net.logits({picture}, Phase::kEvaluation);               // nothing auxiliary
//
// In the supernet of a differentiable search, Coefficients are inputs like pictures, [count], and
// what the network is differentiable in like them.
class Network {
 public:
  struct Options {
    Kernels kernels = Kernels::kFast;
    at::ScalarType dtype = at::kFloat;
    at::Device device = at::kCPU;
    Arithmetic arithmetic = Arithmetic::kFp32;  // kBf16: of kFast networks of floats on a CPU
  };

  // Weights: uniform in +-1/sqrt(fan-in) for convolutions, the hidden layer of path attention and
  // their biases (LibTorch's default), batch norm 1 and 0, factors of scaled sums 1. Path attention
  // scores no content at first; its gamma is normal of deviation 0.01, or 1.5 for relu_tanh, which
  // would stay shut below 0 (spec rspnet 4.5). Every tensor draws from its own stream, named after
  // it, so equal parts of different networks start from equal values.
  Network(const graph::Graph& graph, const core::Rng& rng, Options options);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  // Inputs in the order of the graph's Input layers, [N, C, H, W] each, and Coefficients, [count],
  // of any precision and on any device: they are brought to the network's own. One result per graph
  // output, on that device. Dropout and drop path are for training with `noise`; without, nothing
  // is dropped.
  std::vector<Tensor> forward(const std::vector<Tensor>& inputs,
                              Phase phase,
                              const std::optional<StepNoise>& noise = std::nullopt);
  // Only what the output "logits" needs.
  Tensor logits(const std::vector<Tensor>& inputs,
                Phase phase,
                const std::optional<StepNoise>& noise = std::nullopt);

  const graph::Graph& graph() const;
  const Options& options() const;
  ParameterGroup& encoder();  // may be empty
  ParameterGroup& decoder();  // auxiliary branches included

  // Weights by name ("decoder.block0....conv.weight"), running statistics included.
  weights::ArrayMap save() const;
  // Takes over every array of this network's names; an array that is missing or has another shape
  // is a user error naming it. `source` is used in messages.
  void load(const weights::ArrayMap& arrays, const std::string& source);
  // Same, for the parts that the file knows: encoder weights for a whole network.
  void load_section(const weights::ArrayMap& arrays,
                    graph::Section section,
                    const std::string& source);

  // Takes over the rates of dropouts and the temperatures of gates from a graph that is this
  // network's in all else: what a search changes while it trains.
  void retune(const graph::Graph& graph);

  // What each path attention that reads content has scored in the last forward pass, [N, K],
  // without gradient, by the layer's name.
  std::vector<std::pair<std::string, Tensor>> content_scores() const;

  // Running statistics of batch norms, for checkpoints of training in progress.
  std::vector<std::pair<std::string, Tensor>> buffers() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Copies between LibTorch and named arrays.
weights::Array to_array(const Tensor& tensor);
Tensor to_tensor(const weights::Array& array);

}  // namespace parsimony::network
