// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/onnx_export.h"

#include <onnx/onnx_pb.h>

#include <limits>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/deploy/fold.h"
#include "parsimony/deploy/onnx_builder.h"
#include "parsimony/deploy/onnx_check.h"
#include "parsimony/deploy/onnx_lowering.h"
#include "parsimony/deploy/version.h"

namespace parsimony::deploy {
namespace {

using graph::Graph;
using graph::Shape;
using onnx::TensorProto;

// The lowest opset whose Resize takes sizes alone, and the IR version that ONNX 1.8 released with
// it: old converters and runtimes stay usable.
constexpr std::int64_t kOpset = 13;
constexpr std::int64_t kIrVersion = 7;

constexpr std::int64_t kUint8Classes = 256;

Shape logits_shape(const Graph& graph, const ModelInterface& interface) {
  return graph::infer_shapes(graph,
                             interface.picture())[static_cast<std::size_t>(graph.output("logits"))];
}

// (x / 255 - mean) / deviation as one multiplication and one addition. It cannot be folded into the
// first convolution: that pads with zeros, which are the mean colour after normalisation only.
std::string append_normalisation(OnnxBuilder& builder, const ModelInterface& interface) {
  std::vector<float> factors;
  std::vector<float> offsets;
  for (std::size_t c = 0; c < 3; ++c) {
    factors.push_back(static_cast<float>(1 / (255 * interface.deviation[c])));
    offsets.push_back(static_cast<float>(-interface.mean[c] / interface.deviation[c]));
  }
  const std::string factor = builder.floats("normalise.factor", {1, 3, 1, 1}, factors);
  const std::string offset = builder.floats("normalise.offset", {1, 3, 1, 1}, offsets);
  const std::string scaled = builder.node("Mul", {"picture", factor}, "normalise.scaled");
  return builder.node("Add", {scaled, offset}, "normalise");
}

std::string append_output(OnnxBuilder& builder,
                          std::string value,
                          Shape logits,
                          const ModelInterface& interface) {
  if (interface.output == OutputKind::kLogits) return value;
  const Shape full{logits.channels, interface.height, interface.width};
  if (full != logits) value = append_resize(builder, value, full, "output.resize");
  if (interface.output == OutputKind::kPictureLogits) return value;
  value = builder.node("ArgMax",
                       {value},
                       "output.argmax",
                       {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
  if (interface.ids == IdType::kInt64) return value;
  return builder.node("Cast", {value}, "output.cast", {{"to", std::int64_t{TensorProto::UINT8}}});
}

std::int32_t output_type(const ModelInterface& interface) {
  if (interface.output != OutputKind::kClasses) return TensorProto::FLOAT;
  return interface.ids == IdType::kUint8 ? TensorProto::UINT8 : TensorProto::INT64;
}

void check_interface(const Graph& graph, const ModelInterface& interface) {
  if (const std::string problem = interface.validate(); !problem.empty()) {
    core::throw_user_error("the network cannot be exported: {}", problem);
  }
  const std::int64_t classes = logits_shape(graph, interface).channels;
  if (interface.output == OutputKind::kClasses && interface.ids == IdType::kUint8 &&
      classes > kUint8Classes) {
    core::throw_user_error("{} classes do not fit class ids of type uint8; use int64", classes);
  }
}

void set_header(onnx::ModelProto& model, const OnnxOptions& options) {
  model.set_ir_version(kIrVersion);
  model.set_producer_name("parsimony");
  model.set_producer_version(std::string(version()));
  model.add_opset_import()->set_version(kOpset);
  std::map<std::string, std::string> properties = options.metadata;
  properties["parsimony"] = version();
  properties["preprocessing"] = options.interface.preprocessing_text();
  for (const auto& [key, value] : properties) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
}

}  // namespace

std::vector<std::int64_t> onnx_output_shape(const Graph& graph, const ModelInterface& interface) {
  const Shape logits = logits_shape(graph, interface);
  switch (interface.output) {
    case OutputKind::kLogits:
      return {1, logits.channels, logits.height, logits.width};
    case OutputKind::kPictureLogits:
      return {1, logits.channels, interface.height, interface.width};
    case OutputKind::kClasses:
      return {1, interface.height, interface.width};
  }
  core::throw_internal_error("output kind {} does not exist", static_cast<int>(interface.output));
}

void export_onnx(const Graph& graph,
                 const weights::ArrayMap& weights,
                 const OnnxOptions& options,
                 const std::filesystem::path& file) {
  const ModelInterface& interface = options.interface;
  const Graph used = drop_auxiliary(graph);
  check_interface(used, interface);

  onnx::ModelProto model;
  set_header(model, options);
  onnx::GraphProto& out = *model.mutable_graph();
  out.set_name("parsimony");
  const std::string name(interface.output_name());
  set_value_info(
      *out.add_input(), "picture", TensorProto::FLOAT, {1, 3, interface.height, interface.width});
  set_value_info(
      *out.add_output(), name, output_type(interface), onnx_output_shape(used, interface));

  OnnxBuilder builder(out, {"picture", name});
  const std::string entry =
      interface.normalise_inside ? append_normalisation(builder, interface) : "picture";
  std::string result = append_graph(builder, used, weights, interface.picture(), entry);
  result = append_output(builder, result, logits_shape(used, interface), interface);
  if (!builder.rename(result, name)) {
    // The network is nothing but its input.
    builder.rename(builder.node("Identity", {result}, "output.identity"), name);
  }
  check_onnx(model);

  // Protocol buffers end at 2 GiB.
  std::string bytes;
  core::require(model.ByteSizeLong() <= std::numeric_limits<std::int32_t>::max() &&
                    model.SerializeToString(&bytes),
                "a network of {} bytes does not fit one ONNX file",
                model.ByteSizeLong());
  core::write_file_atomic(file, bytes);
}

}  // namespace parsimony::deploy
