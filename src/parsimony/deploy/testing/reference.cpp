// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/testing/reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/deploy/trained_graph.h"
#include "parsimony/graph/path_attention.h"

namespace parsimony::deploy::testing {
namespace {

using graph::Conv;
using graph::Graph;
using graph::Match;
using graph::Node;
using graph::NodeId;
using graph::Shape;
using graph::Size;

std::size_t index_of(const Shape& shape, std::int64_t c, std::int64_t y, std::int64_t x) {
  return static_cast<std::size_t>((c * shape.height + y) * shape.width + x);
}

template <typename Value>
Map for_each_value(const Map& from, Value value) {
  Map to = make_map(from.shape);
  for (std::int64_t c = 0; c < to.shape.channels; ++c) {
    for (std::int64_t y = 0; y < to.shape.height; ++y) {
      for (std::int64_t x = 0; x < to.shape.width; ++x) to.at(c, y, x) = value(c, from.at(c, y, x));
    }
  }
  return to;
}

Map convolve(const Conv& conv,
             const std::vector<std::vector<float>>& parameters,
             const Map& from,
             Shape shape) {
  Map to = make_map(shape);
  const std::int64_t group_in = conv.in_channels / conv.groups;
  const std::int64_t group_out = conv.out_channels / conv.groups;
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t y = 0; y < shape.height; ++y) {
      for (std::int64_t x = 0; x < shape.width; ++x) {
        double sum = conv.bias ? parameters[1][static_cast<std::size_t>(c)] : 0;
        for (std::int64_t i = 0; i < group_in; ++i) {
          for (std::int64_t ky = 0; ky < conv.kernel; ++ky) {
            for (std::int64_t kx = 0; kx < conv.kernel; ++kx) {
              const std::int64_t from_y = y * conv.stride - conv.padding + ky * conv.dilation;
              const std::int64_t from_x = x * conv.stride - conv.padding + kx * conv.dilation;
              const bool inside = from_y >= 0 && from_x >= 0 && from_y < from.shape.height &&
                                  from_x < from.shape.width;
              if (!inside) continue;
              const auto w = static_cast<std::size_t>(
                  ((c * group_in + i) * conv.kernel + ky) * conv.kernel + kx);
              sum += static_cast<double>(parameters[0][w]) *
                     from.at(c / group_out * group_in + i, from_y, from_x);
            }
          }
        }
        to.at(c, y, x) = sum;
      }
    }
  }
  return to;
}

Map normalise(const std::vector<std::vector<float>>& parameters, const Map& from) {
  return for_each_value(from, [&](std::int64_t channel, double value) {
    const auto c = static_cast<std::size_t>(channel);
    const double deviation = std::sqrt(static_cast<double>(parameters[3][c]) + kBatchNormEpsilon);
    return parameters[0][c] * (value - parameters[2][c]) / deviation + parameters[1][c];
  });
}

// What `reduce` makes of the values of each window that lie on the map.
template <typename Pool, typename Reduce>
Map windows(const Pool& pool, const Map& from, Shape shape, Reduce reduce) {
  Map to = make_map(shape);
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t y = 0; y < shape.height; ++y) {
      for (std::int64_t x = 0; x < shape.width; ++x) {
        std::vector<double> values;
        for (std::int64_t ky = 0; ky < pool.kernel; ++ky) {
          for (std::int64_t kx = 0; kx < pool.kernel; ++kx) {
            const std::int64_t from_y = y * pool.stride - pool.padding + ky;
            const std::int64_t from_x = x * pool.stride - pool.padding + kx;
            const bool inside = from_y >= 0 && from_x >= 0 && from_y < from.shape.height &&
                                from_x < from.shape.width;
            if (inside) values.push_back(from.at(c, from_y, from_x));
          }
        }
        to.at(c, y, x) = reduce(values);
      }
    }
  }
  return to;
}

double largest_of(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Channel c of the result is channel source(c).
template <typename Source>
Map take_channels(const Map& from, Shape shape, Source source) {
  Map to = make_map(shape);
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t y = 0; y < shape.height; ++y) {
      for (std::int64_t x = 0; x < shape.width; ++x) to.at(c, y, x) = from.at(source(c), y, x);
    }
  }
  return to;
}

[[noreturn]] Map relaxed(const Node& node) {
  core::throw_internal_error("'{}' is of a search's supernet, which has no reference", node.name);
}

double score_of_content(const graph::PathAttention& gate,
                        const std::vector<std::vector<float>>& parameters,
                        const Map& map) {
  const std::int64_t pixels = map.shape.height * map.shape.width;
  double score = parameters[4][0];
  for (std::int64_t h = 0; h < gate.hidden(); ++h) {
    double hidden = parameters[2][static_cast<std::size_t>(h)];
    for (std::int64_t c = 0; c < gate.channels; ++c) {
      double mean = 0;
      for (std::int64_t i = 0; i < pixels; ++i)
        mean += std::max(0.0, map.values[static_cast<std::size_t>(c * pixels + i)]);
      mean /= static_cast<double>(pixels);
      hidden += parameters[1][static_cast<std::size_t>(h * gate.channels + c)] * mean;
    }
    score += parameters[3][static_cast<std::size_t>(h)] * std::max(0.0, hidden);
  }
  return score;
}

Map fuse(const graph::PathAttention& gate,
         const std::vector<std::vector<float>>& parameters,
         const std::vector<const Map*>& maps) {
  std::vector<double> scores(maps.size(), 0);
  for (std::size_t k = 0; k < maps.size(); ++k) {
    if (!parameters.empty()) scores[k] = parameters[0][k];
    if (gate.reads_content()) scores[k] += score_of_content(gate, parameters, *maps[k]);
  }
  const std::vector<double> shares = graph::fusion_weights(gate, scores);
  Map sum = make_map(maps[0]->shape);
  for (std::size_t k = 0; k < maps.size(); ++k) {
    for (std::size_t i = 0; i < sum.values.size(); ++i)
      sum.values[i] += shares[k] * maps[k]->values[i];
  }
  return sum;
}

Map add(const std::vector<const Map*>& terms) {
  Map sum = *terms[0];
  for (std::size_t t = 1; t < terms.size(); ++t) {
    for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += terms[t]->values[i];
  }
  return sum;
}

Map concatenate(const std::vector<const Map*>& parts, Shape shape) {
  Map joined{shape, {}};
  for (const Map* part : parts)
    joined.values.insert(joined.values.end(), part->values.begin(), part->values.end());
  return joined;
}

Map pool(const Map& from) {
  Map to = make_map({from.shape.channels, 1, 1});
  const std::int64_t pixels = from.shape.height * from.shape.width;
  for (std::int64_t c = 0; c < from.shape.channels; ++c) {
    const auto begin = from.values.begin() + c * pixels;
    to.at(c, 0, 0) = std::accumulate(begin, begin + pixels, 0.0) / static_cast<double>(pixels);
  }
  return to;
}

}  // namespace

double Map::at(std::int64_t c, std::int64_t y, std::int64_t x) const {
  return values[index_of(shape, c, y, x)];
}
double& Map::at(std::int64_t c, std::int64_t y, std::int64_t x) {
  return values[index_of(shape, c, y, x)];
}
std::vector<float> Map::floats() const {
  return {values.begin(), values.end()};
}

Map make_map(Shape shape) {
  return {shape, std::vector<double>(static_cast<std::size_t>(shape.elements()), 0.0)};
}

Map random_map(Shape shape, core::Rng rng) {
  Map map = make_map(shape);
  // Floats: whoever is compared with the reference sees the same picture.
  for (double& value : map.values) value = static_cast<float>(rng.normal());
  return map;
}

Map resize_bilinear(const Map& from, Size size) {
  Map to = make_map({from.shape.channels, size.height, size.width});
  // Position of a pixel centre of the result in the source, held at the border.
  const auto source = [](std::int64_t i, std::int64_t in, std::int64_t out) {
    const double position =
        (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    return std::clamp(position, 0.0, static_cast<double>(in - 1));
  };
  for (std::int64_t y = 0; y < size.height; ++y) {
    const double sy = source(y, from.shape.height, size.height);
    const auto y0 = static_cast<std::int64_t>(sy);
    const std::int64_t y1 = std::min(y0 + 1, from.shape.height - 1);
    for (std::int64_t x = 0; x < size.width; ++x) {
      const double sx = source(x, from.shape.width, size.width);
      const auto x0 = static_cast<std::int64_t>(sx);
      const std::int64_t x1 = std::min(x0 + 1, from.shape.width - 1);
      for (std::int64_t c = 0; c < to.shape.channels; ++c) {
        const double upper =
            std::lerp(from.at(c, y0, x0), from.at(c, y0, x1), sx - static_cast<double>(x0));
        const double lower =
            std::lerp(from.at(c, y1, x0), from.at(c, y1, x1), sx - static_cast<double>(x0));
        to.at(c, y, x) = std::lerp(upper, lower, sy - static_cast<double>(y0));
      }
    }
  }
  return to;
}

Map run_reference(const Graph& graph,
                  const weights::ArrayMap& weights,
                  const Map& picture,
                  std::string_view output) {
  const std::vector<Shape> shapes =
      graph::infer_shapes(graph, {picture.shape.height, picture.shape.width});
  std::vector<Map> maps;
  for (const Node& node : graph.nodes) {
    const Shape& shape = shapes[maps.size()];
    std::vector<const Map*> in;
    for (const NodeId input : node.inputs) in.push_back(&maps[static_cast<std::size_t>(input)]);
    std::vector<std::vector<float>> parameters;
    for (const Parameter& parameter : parameters_of(node))
      parameters.push_back(values_of(weights, parameter));
    maps.push_back(std::visit(
        Match{[&](const graph::Input&) { return picture; },
              [&](const Conv& conv) { return convolve(conv, parameters, *in[0], shape); },
              [&](const graph::BatchNorm&) { return normalise(parameters, *in[0]); },
              [&](const graph::Relu& relu) {
                return for_each_value(*in[0], [&](std::int64_t, double value) {
                  return std::clamp(value, 0.0, relu.ceiling);
                });
              },
              [&](const graph::Add&) { return add(in); },
              [&](const graph::Multiply&) {
                return for_each_value(*in[0], [&](std::int64_t c, double value) {
                  return value * in[1]->at(c, 0, 0);
                });
              },
              [&](const graph::Concat&) { return concatenate(in, shape); },
              [&](const graph::Resize&) {
                return resize_bilinear(*in[0], {shape.height, shape.width});
              },
              [&](const graph::GlobalPool&) { return pool(*in[0]); },
              [&](const graph::MaxPool& pool) { return windows(pool, *in[0], shape, largest_of); },
              [&](const graph::AvgPool& pool) { return windows(pool, *in[0], shape, mean_of); },
              [&](const graph::Slice& slice) {
                return take_channels(
                    *in[0], shape, [&](std::int64_t c) { return slice.first + c; });
              },
              [&](const graph::Shuffle& shuffle) {
                const std::int64_t run = shape.channels / shuffle.groups;
                return take_channels(*in[0], shape, [&](std::int64_t c) {
                  return c % shuffle.groups * run + c / shuffle.groups;
                });
              },
              [&](const graph::Dropout&) { return *in[0]; },
              [&](const graph::DropPath&) { return *in[0]; },
              [&](const graph::Coefficients&) -> Map { relaxed(node); },
              [&](const graph::WeightedSum&) -> Map { relaxed(node); },
              [&](const graph::PathAttention& gate) { return fuse(gate, parameters, in); },
              [&](const graph::Scale&) {
                return for_each_value(*in[0], [&](std::int64_t c, double value) {
                  return value * parameters[0][static_cast<std::size_t>(c)];
                });
              },
              [&](const graph::Zero&) { return make_map(shape); }},
        node.layer));
    core::require(
        maps.back().shape == shape, "the reference gives node '{}' another shape", node.name);
  }
  return maps[static_cast<std::size_t>(graph.output(output))];
}

weights::ArrayMap random_weights(const Graph& graph, core::Rng rng) {
  weights::ArrayMap map;
  for (const Node& node : graph.nodes) {
    for (const Parameter& parameter : parameters_of(node)) {
      const std::int64_t count = std::accumulate(
          parameter.shape.begin(), parameter.shape.end(), std::int64_t{1}, [](auto a, auto b) {
            return a * b;
          });
      core::Rng stream = rng.split(parameter.name);
      const bool kernel = parameter.shape.size() > 1;
      const bool score =
          parameter.name.ends_with(".gamma") || parameter.name.ends_with(".score_weight");
      const bool scale = !kernel && parameter.name.ends_with(".weight");
      const bool variance = parameter.name.ends_with(".running_var");
      const double gain = kernel  ? std::sqrt(2.0 * static_cast<double>(parameter.shape[0]) /
                                             static_cast<double>(count))
                          : score ? 1.0
                                  : 0.2;
      std::vector<float> values(static_cast<std::size_t>(count));
      for (float& value : values) {
        value = static_cast<float>(scale || variance ? stream.uniform(0.5, 1.5)
                                                     : gain * stream.normal());
      }
      map.arrays[parameter.name] = weights::Array::from_floats(parameter.shape, values);
    }
  }
  return map;
}

}  // namespace parsimony::deploy::testing
