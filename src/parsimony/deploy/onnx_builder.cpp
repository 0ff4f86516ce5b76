// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/onnx_builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>

#include "parsimony/graph/graph.h"

namespace parsimony::deploy {
namespace {

using graph::Match;
using onnx::AttributeProto;
using onnx::TensorProto;

void set_attribute(AttributeProto& proto, const OnnxAttribute& attribute) {
  proto.set_name(std::string(attribute.first));
  std::visit(Match{[&](std::int64_t value) {
                     proto.set_type(AttributeProto::INT);
                     proto.set_i(value);
                   },
                   [&](float value) {
                     proto.set_type(AttributeProto::FLOAT);
                     proto.set_f(value);
                   },
                   [&](const std::string& value) {
                     proto.set_type(AttributeProto::STRING);
                     proto.set_s(value);
                   },
                   [&](const std::vector<std::int64_t>& values) {
                     proto.set_type(AttributeProto::INTS);
                     for (const std::int64_t value : values) proto.add_ints(value);
                   }},
             attribute.second);
}

void set_constant(TensorProto& tensor,
                  const std::string& name,
                  TensorProto::DataType type,
                  const std::vector<std::int64_t>& shape,
                  std::span<const std::byte> bytes) {
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (const std::int64_t extent : shape) tensor.add_dims(extent);
  tensor.set_raw_data(bytes.data(), bytes.size());
}

}  // namespace

std::string OnnxBuilder::unique(const std::string& name) {
  std::string candidate = name;
  for (int i = 2; !names_.insert(candidate).second; ++i) candidate = fmt::format("{}.{}", name, i);
  return candidate;
}

std::string OnnxBuilder::node(std::string_view op,
                              const std::vector<std::string>& inputs,
                              const std::string& name,
                              const std::vector<OnnxAttribute>& attributes) {
  return node(op, inputs, std::vector{name}, attributes)[0];
}

std::vector<std::string> OnnxBuilder::node(std::string_view op,
                                           const std::vector<std::string>& inputs,
                                           const std::vector<std::string>& names,
                                           const std::vector<OnnxAttribute>& attributes) {
  onnx::NodeProto& node = *graph_.add_node();
  std::vector<std::string> results;
  for (const std::string& name : names) {
    results.push_back(unique(name));
    node.add_output(results.back());
  }
  node.set_op_type(std::string(op));
  node.set_name(results[0]);
  for (const std::string& input : inputs) node.add_input(input);
  for (const OnnxAttribute& attribute : attributes) set_attribute(*node.add_attribute(), attribute);
  return results;
}

std::string OnnxBuilder::floats(const std::string& name,
                                const std::vector<std::int64_t>& shape,
                                std::span<const float> values) {
  const std::string result = unique(name);
  set_constant(*graph_.add_initializer(), result, TensorProto::FLOAT, shape, std::as_bytes(values));
  return result;
}

std::string OnnxBuilder::scalar(float value) {
  std::string& name = scalars_[value];
  if (name.empty()) name = floats(fmt::format("constant.{}", value), {}, {&value, 1});
  return name;
}

std::string OnnxBuilder::integers(const std::vector<std::int64_t>& values) {
  std::string& name = integers_[values];
  if (name.empty()) {
    name = unique(fmt::format("shape.{}", fmt::join(values, "x")));
    set_constant(*graph_.add_initializer(),
                 name,
                 TensorProto::INT64,
                 {static_cast<std::int64_t>(values.size())},
                 std::as_bytes(std::span(values)));
  }
  return name;
}

bool OnnxBuilder::rename(const std::string& from, const std::string& to) {
  bool found = false;
  for (onnx::NodeProto& node : *graph_.mutable_node()) {
    for (std::string& input : *node.mutable_input()) {
      if (input == from) input = to;
    }
    for (std::string& output : *node.mutable_output()) {
      if (output != from) continue;
      output = to;
      found = true;
    }
  }
  return found;
}

void set_value_info(onnx::ValueInfoProto& info,
                    std::string_view name,
                    std::int32_t type,
                    const std::vector<std::int64_t>& shape) {
  info.set_name(std::string(name));
  onnx::TypeProto_Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape();
  for (const std::int64_t extent : shape) tensor.mutable_shape()->add_dim()->set_dim_value(extent);
}

}  // namespace parsimony::deploy
