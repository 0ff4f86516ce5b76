// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace parsimony::deploy {

using OnnxAttribute =
    std::pair<std::string_view,
              std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>>>;

// Writes nodes and constants into an ONNX graph and keeps all names unique.
//
//   OnnxBuilder builder(*model.mutable_graph(), {"picture", "logits"});
//   const std::string y = builder.node("Relu", {"picture"}, "relu", {});
//   builder.rename(y, "logits");
class OnnxBuilder {
 public:
  // Nothing the builder makes gets a name out of `reserved`.
  OnnxBuilder(onnx::GraphProto& graph, std::set<std::string> reserved)
      : graph_(graph), names_(std::move(reserved)) {}

  // Appends a node with one result and returns the result's name: `name`, or something like it.
  std::string node(std::string_view op,
                   const std::vector<std::string>& inputs,
                   const std::string& name,
                   const std::vector<OnnxAttribute>& attributes = {});

  // One with several results, and their names.
  std::vector<std::string> node(std::string_view op,
                                const std::vector<std::string>& inputs,
                                const std::vector<std::string>& names,
                                const std::vector<OnnxAttribute>& attributes = {});

  // Each returns the constant's name.
  std::string floats(const std::string& name,
                     const std::vector<std::int64_t>& shape,
                     std::span<const float> values);
  std::string scalar(float value);                                // shared by equal ones
  std::string integers(const std::vector<std::int64_t>& values);  // shared by equal ones

  // Gives the result of a node another name wherever it occurs; whether there was such a result.
  bool rename(const std::string& from, const std::string& to);

 private:
  std::string unique(const std::string& name);

  onnx::GraphProto& graph_;
  std::set<std::string> names_;
  std::map<float, std::string> scalars_;
  std::map<std::vector<std::int64_t>, std::string> integers_;
};

// Declares an input or output of a graph.
void set_value_info(onnx::ValueInfoProto& info,
                    std::string_view name,
                    std::int32_t type,
                    const std::vector<std::int64_t>& shape);

}  // namespace parsimony::deploy
