// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parsimony::graph {

// Feature map without its batch dimension: [channels, height, width].
struct Shape {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t elements() const { return channels * height * width; }
  bool operator==(const Shape&) const = default;
};

struct Size {
  std::int64_t height = 0, width = 0;
  bool operator==(const Size&) const = default;
};

// The closed set of layers. Every interpreter of a graph (network, cost, export, drawing) visits
// all of them; adding one does not compile until each interpreter knows it.

// What enters the graph: the picture (stride 1), or a feature map of stride 2^k when the graph is a
// part of a network. Its size is the picture's, halved and rounded up k times.
struct Input {
  std::int64_t channels = 3;
  std::int64_t stride = 1;
  bool operator==(const Input&) const = default;
};

// Numbers that come from outside as pictures do, but are the same for all of them: what a
// differentiable search varies. [count], in a graph [count, 1, 1].
struct Coefficients {
  std::int64_t count = 1;
  bool operator==(const Coefficients&) const = default;
};

// Square-kernel convolution, zero padding on all sides.
struct Conv {
  std::int64_t in_channels = 0, out_channels = 0;
  std::int64_t kernel = 1, stride = 1, padding = 0, dilation = 1, groups = 1;
  bool bias = false;
  bool operator==(const Conv&) const = default;
};

// Per-channel batch normalisation; eps 1e-5 and momentum 0.1 everywhere. Without the affine part in
// supernets of mixed operations, whose weights it could undo (DARTS, Liu et al., ICLR 2019).
struct BatchNorm {
  std::int64_t channels = 0;
  bool affine = true;
  bool operator==(const BatchNorm&) const = default;
};

// At least zero, at most `ceiling`: 6 is ReLU6, 1 makes the factors of a squeeze-and-excite.
struct Relu {
  double ceiling = std::numeric_limits<double>::infinity();
  bool bounded() const { return ceiling < std::numeric_limits<double>::infinity(); }
  bool operator==(const Relu&) const = default;
};

struct Add {  // of any number of inputs of one shape
  bool operator==(const Add&) const = default;
};

// Of maps of one shape, each times one of the Coefficients that are the last input.
struct WeightedSum {
  bool operator==(const WeightedSum&) const = default;
};

// Input 0, [C, H, W], times input 1, [C, 1, 1]: one computed factor per channel.
struct Multiply {
  bool operator==(const Multiply&) const = default;
};

struct Concat {  // along the channels
  bool operator==(const Concat&) const = default;
};

// Bilinear resampling (align_corners = false) of input 0 to the height and width of input 1, whose
// content is not used. No work when the sizes are equal already.
struct Resize {
  bool operator==(const Resize&) const = default;
};

struct GlobalPool {  // spatial mean, [C, 1, 1]
  bool operator==(const GlobalPool&) const = default;
};

// Largest value of a square window; the padding never wins.
struct MaxPool {
  std::int64_t kernel = 3, stride = 1, padding = 1;
  bool operator==(const MaxPool&) const = default;
};

// Mean of a square window; the padding does not count (PyTorch's count_include_pad = false).
struct AvgPool {
  std::int64_t kernel = 3, stride = 1, padding = 1;
  bool operator==(const AvgPool&) const = default;
};

// The channels from `first` on, `channels` of them.
struct Slice {
  std::int64_t first = 0, channels = 0;
  bool operator==(const Slice&) const = default;
};

// Channels are cut into `groups` runs and dealt out in turn: [0, 4, 1, 5, 2, 6, 3, 7] of 8 channels
// in 2 groups (Zhang et al., ShuffleNet, CVPR 2018).
struct Shuffle {
  std::int64_t groups = 2;
  bool operator==(const Shuffle&) const = default;
};

// In training each value is zero with probability `rate` and else divided by 1 - `rate`; nothing
// when the network is used.
struct Dropout {
  double rate = 0;
  bool operator==(const Dropout&) const = default;
};

// In training a picture's whole map is zero with probability p and else divided by 1 - p, where p
// is `rate` times the part of the training that has passed; nothing when the network is used
// (scheduled drop path: Zoph et al., CVPR 2018).
struct DropPath {
  double rate = 0;
  bool operator==(const DropPath&) const = default;
};

// How the scores of maps become weights; graph/path_attention.h has the formulas.
enum class PathGate { kConditionalSigmoid, kSoftmax, kReluTanh, kHardTopK, kUniform };
inline constexpr std::array<std::string_view, 5> kPathGateNames = {
    "sigmoid_cond", "softmax_in", "relu_tanh", "hard_topk", "uniform"};

// The path-attention module of RSPNet: the weighted sum of any number of maps of one shape (spec
// rspnet 4.5; the module is the paper's, its equations are our completion).
struct PathAttention {
  std::int64_t channels = 0;
  std::int64_t inputs = 0;
  PathGate gate = PathGate::kSoftmax;
  bool dynamic = true;     // whether scores depend on what the maps hold
  std::int64_t kept = 1;   // maps that kHardTopK lets through, all where there are fewer
  double temperature = 1;  // of the gates with a sigmoid or a softmax
  // Whether each map's own score, gamma, is not learned but given: Coefficients, the last input.
  bool given_gamma = false;
  std::int64_t hidden() const { return std::max<std::int64_t>(8, channels / 16); }
  bool reads_content() const { return dynamic && gate != PathGate::kUniform; }
  bool operator==(const PathAttention&) const = default;
};

// One learned factor per channel, 1 at the start; a scaled sum is an Add of these.
struct Scale {
  std::int64_t channels = 0;
  bool operator==(const Scale&) const = default;
};

struct Zero {  // multiplication by zero: the operation "none"
  bool operator==(const Zero&) const = default;
};

using Layer = std::variant<Input,
                           Coefficients,
                           Conv,
                           BatchNorm,
                           Relu,
                           Add,
                           WeightedSum,
                           Multiply,
                           Concat,
                           Resize,
                           GlobalPool,
                           MaxPool,
                           AvgPool,
                           Slice,
                           Shuffle,
                           Dropout,
                           DropPath,
                           PathAttention,
                           Scale,
                           Zero>;

// std::visit with one lambda per layer.
template <typename... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Match(Cases...) -> Match<Cases...>;

// Whether a network keeps values of its own for the layer.
bool has_weights(const Layer& layer);

// Which part of a network a layer belongs to; costs are reported per section.
enum class Section { kEncoder, kDecoder, kAuxiliary };

using NodeId = std::int32_t;

struct Node {
  Layer layer;
  std::vector<NodeId> inputs;  // all smaller than this node's own id
  Section section = Section::kEncoder;
  std::string name;  // "decoder.block0.cell1.op0.conv"; prefix of the weights' names, unique where
                     // has_weights
};

struct Output {
  std::string name;  // "logits", "aux0", ...; "tap0", ... for an encoder
  NodeId node = 0;
};

// A network without tensors: nodes in an order in which they can be executed, and named outputs.
// Plain value; all interpreters only read it.
//
//   Graph g;
//   const NodeId x = g.add(Input{3, 1}, {}, Section::kEncoder, "image");
//   const NodeId y = g.add(Conv{3, 8, 3, 2, 1}, {x}, Section::kEncoder, "stem");
//   g.outputs.push_back({"logits", y});
//   verify(g);
struct Graph {
  std::vector<Node> nodes;
  std::vector<Output> outputs;

  NodeId add(Layer layer, std::vector<NodeId> inputs, Section section, std::string name);
  const Node& operator[](NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }
  // Node of the output called `name`; an internal error when there is none.
  NodeId output(std::string_view name) const;
};

// Throws an internal error naming the node when the graph is malformed: inputs that do not come
// before, wrong numbers of inputs, channel counts that do not fit, duplicate names of weighted
// nodes.
void verify(const Graph& graph);

// Channels of every node's result.
std::vector<std::int64_t> infer_channels(const Graph& graph);

// Shape of every node's result for a picture of the given size.
std::vector<Shape> infer_shapes(const Graph& graph, Size picture);

// Height or width after `stride` / 2 halvings, each rounding up, as padded stride-2 layers do.
std::int64_t strided(std::int64_t size, std::int64_t stride);

// The part of `graph` that computes `outputs` when the values of `inputs` are given: those nodes
// become Input layers (with the strides given, in order) and everything not needed is left out.
struct CutPoint {
  NodeId node = 0;
  std::int64_t stride = 1;
};
Graph subgraph(const Graph& graph,
               const std::vector<CutPoint>& inputs,
               const std::vector<Output>& outputs);

}  // namespace parsimony::graph
