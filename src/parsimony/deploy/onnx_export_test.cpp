// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/onnx_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <functional>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/deploy/fold.h"
#include "parsimony/deploy/onnx_check.h"
#include "parsimony/deploy/testing/networks.h"
#include "parsimony/deploy/testing/reference.h"

namespace parsimony::deploy {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::Section;
using graph::Size;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_weights;

ModelInterface interface_of(Size picture) {
  return {.height = static_cast<int>(picture.height), .width = static_cast<int>(picture.width)};
}

onnx::ModelProto export_and_parse(const Graph& graph, const OnnxOptions& options) {
  const core::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "new" / "model.onnx";
  export_onnx(graph, random_weights(graph, core::Rng(1)), options, file);
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(core::read_text_file(file)));
  return model;
}

std::vector<std::string> operators(const onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const onnx::NodeProto& node : model.graph().node()) names.push_back(node.op_type());
  return names;
}

std::string error_of(const std::function<void()>& action, core::ErrorKind kind) {
  try {
    action();
    return "no error";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
}

// A picture, one convolution for two channels, then what `build` appends.
Graph small_graph(const std::function<NodeId(Graph&, NodeId)>& build) {
  Graph g;
  const NodeId picture = g.add(graph::Input{3, 1}, {}, Section::kDecoder, "picture");
  const NodeId x = g.add(graph::Conv{.in_channels = 3, .out_channels = 2, .bias = true},
                         {picture},
                         Section::kDecoder,
                         "x");
  g.outputs.push_back({"logits", build(g, x)});
  return g;
}

NodeId pooled(Graph& g, NodeId x) {
  const NodeId pool = g.add(graph::GlobalPool{}, {x}, Section::kDecoder, "pool");
  return g.add(graph::Resize{}, {pool, x}, Section::kDecoder, "resize");
}

TEST(OnnxExport, UsesOnlyCommonOperators) {
  const std::set<std::string> common = {"Conv",
                                        "Relu",
                                        "Clip",
                                        "Add",
                                        "Concat",
                                        "Resize",
                                        "GlobalAveragePool",
                                        "MaxPool",
                                        "BatchNormalization",
                                        "Expand",
                                        "Mul",
                                        "ArgMax",
                                        "Cast",
                                        "AveragePool",
                                        "Slice",
                                        "Split",
                                        "Reshape",
                                        "Transpose",
                                        "Softmax"};
  OnnxOptions options{.interface = interface_of({64, 64}), .metadata = {}};
  options.interface.normalise_inside = true;
  options.interface.output = OutputKind::kClasses;
  for (const Graph& graph :
       {drop_auxiliary(testing::cell_network(testing::kHelenL, "small", 16, 5)),
        testing::template_network(testing::kTemplates0, "small", 5),
        testing::template_network(testing::kTemplates1, "small", 5),
        testing::grid_network(testing::kGrid, {.filters = 2, .cells = 1}, 5)}) {
    const TrainedGraph folded = fold_batch_norm(graph, random_weights(graph, core::Rng(1)));
    for (const std::string& name : operators(export_and_parse(folded.graph, options))) {
      // HELEN-L has the operation "none", which search removes before training.
      EXPECT_TRUE(common.contains(name) || name == "ConstantOfShape") << name;
    }
  }
}

TEST(OnnxExport, FactorsOfChannelsBroadcastOverPixels) {
  const Graph graph = small_graph(
      [](Graph& g, NodeId x) { return g.add(graph::Scale{2}, {x}, Section::kDecoder, "scale"); });
  const onnx::ModelProto model = export_and_parse(graph, {interface_of({8, 8}), {}});
  bool found = false;
  for (const onnx::TensorProto& constant : model.graph().initializer()) {
    if (constant.name() != "scale.weight") continue;
    found = true;
    EXPECT_THAT(constant.dims(), ElementsAre(2, 1, 1));
  }
  EXPECT_TRUE(found);
  EXPECT_THAT(operators(model), ElementsAre("Conv", "Mul"));
}

TEST(OnnxExport, FactorsThatDependOnNoMapAreConstants) {
  const Graph graph = small_graph([](Graph& g, NodeId x) {
    const graph::PathAttention gate{.channels = 2, .inputs = 2, .dynamic = false};
    return g.add(gate, {x, x}, Section::kDecoder, "gate");
  });
  const onnx::ModelProto model = export_and_parse(graph, {interface_of({8, 8}), {}});
  EXPECT_THAT(operators(model), ElementsAre("Conv", "Mul", "Mul", "Add"));
}

TEST(OnnxExport, MapsShareTheWeightsThatScoreThem) {
  const Graph graph = small_graph([](Graph& g, NodeId x) {
    return g.add(
        graph::PathAttention{.channels = 2, .inputs = 3}, {x, x, x}, Section::kDecoder, "gate");
  });
  const onnx::ModelProto model = export_and_parse(graph, {interface_of({8, 8}), {}});
  std::int64_t weights = 0;
  for (const onnx::TensorProto& constant : model.graph().initializer())
    weights += constant.name().find("_weight") != std::string::npos ? 1 : 0;
  EXPECT_EQ(weights, 2);
}

TEST(OnnxExport, DeclaresStaticShapesOldVersionsAndProperties) {
  const Graph graph = testing::cell_network(testing::kArch0, "small", 16, 5);
  OnnxOptions options{.interface = interface_of({50, 70}),
                      .metadata = {{"genotype", std::string(testing::kArch0)}}};
  const onnx::ModelProto model = export_and_parse(graph, options);
  EXPECT_EQ(model.ir_version(), 7);
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), 13);

  std::map<std::string, std::string> properties;
  for (const auto& entry : model.metadata_props()) properties[entry.key()] = entry.value();
  EXPECT_EQ(properties.at("genotype"), testing::kArch0);
  EXPECT_THAT(properties.at("preprocessing"), HasSubstr("mean [0.485, 0.456, 0.406]"));
  EXPECT_THAT(properties.at("parsimony"), HasSubstr("."));

  const auto shape = [](const onnx::ValueInfoProto& info) {
    std::vector<std::int64_t> extents;
    for (const auto& dim : info.type().tensor_type().shape().dim())
      extents.push_back(dim.dim_value());
    return extents;
  };
  ASSERT_EQ(model.graph().input_size(), 1);
  ASSERT_EQ(model.graph().output_size(), 1);
  EXPECT_EQ(model.graph().input(0).name(), "picture");
  EXPECT_EQ(model.graph().output(0).name(), "logits");
  EXPECT_THAT(shape(model.graph().input(0)), ElementsAre(1, 3, 50, 70));
  EXPECT_THAT(shape(model.graph().output(0)), ElementsAre(1, 5, 13, 18));
  for (const auto& info : model.graph().value_info()) {
    for (const std::int64_t extent : shape(info)) EXPECT_GT(extent, 0) << info.name();
  }
}

TEST(OnnxExport, GivesTheSameBytesAgain) {
  const Graph graph = testing::cell_network(testing::kArch1, "small", 16, 5);
  const OnnxOptions options{.interface = interface_of({64, 64}),
                            .metadata = {{"b", "1"}, {"a", "2"}}};
  EXPECT_EQ(export_and_parse(graph, options).SerializeAsString(),
            export_and_parse(graph, options).SerializeAsString());
}

TEST(OnnxExport, SumsBroadcastPooledPixels) {
  const Graph graph = small_graph([](Graph& g, NodeId x) {
    return g.add(graph::Add{}, {pooled(g, x), x}, Section::kDecoder, "sum");
  });
  EXPECT_THAT(operators(export_and_parse(graph, {interface_of({8, 8}), {}})),
              ElementsAre("Conv", "GlobalAveragePool", "Add"));
}

TEST(OnnxExport, PooledPixelsAreExpandedForOtherReaders) {
  const auto relu = [](Graph& g, NodeId x) {
    return g.add(graph::Relu{}, {pooled(g, x)}, Section::kDecoder, "relu");
  };
  EXPECT_THAT(operators(export_and_parse(small_graph(relu), {interface_of({8, 8}), {}})),
              ElementsAre("Conv", "GlobalAveragePool", "Expand", "Relu"));
  // No term of this sum has the size of the picture by itself.
  const auto sum = [](Graph& g, NodeId x) {
    return g.add(graph::Add{}, {pooled(g, x), pooled(g, x)}, Section::kDecoder, "sum");
  };
  EXPECT_THAT(
      operators(export_and_parse(small_graph(sum), {interface_of({8, 8}), {}})),
      ElementsAre("Conv", "GlobalAveragePool", "Expand", "GlobalAveragePool", "Expand", "Add"));
}

TEST(OnnxExport, LeavesOutWhatIsNeededForItsSizeOnly) {
  const Graph graph = small_graph([](Graph& g, NodeId x) {
    const NodeId lender = g.add(
        graph::Conv{.in_channels = 2, .out_channels = 2, .kernel = 3, .stride = 2, .padding = 1},
        {x},
        Section::kDecoder,
        "lender");
    return g.add(graph::Resize{}, {x, lender}, Section::kDecoder, "resize");
  });
  EXPECT_THAT(operators(export_and_parse(graph, {interface_of({8, 8}), {}})),
              ElementsAre("Conv", "Resize"));
}

TEST(OnnxExport, RefusesInterfacesThatMakeNoSense) {
  const Graph graph = small_graph([](Graph&, NodeId x) { return x; });
  const auto message = [&](const ModelInterface& interface) {
    return error_of([&] { export_and_parse(graph, {interface, {}}); }, core::ErrorKind::kUser);
  };
  EXPECT_THAT(message(interface_of({0, 8})), HasSubstr("picture of 0x8 pixels"));
  ModelInterface interface = interface_of({8, 8});
  interface.mean = {1, 2};
  EXPECT_THAT(message(interface), HasSubstr("mean has 2 values, expected 3"));
  interface = interface_of({8, 8});
  interface.deviation = {1, 0, 1};
  EXPECT_THAT(message(interface), HasSubstr("std is [1, 0, 1], expected values above 0"));
}

TEST(OnnxExport, RefusesUint8ForManyClasses) {
  const Graph graph = testing::random_network(core::Rng(1), 3, 257, {8, 8});
  OnnxOptions options{interface_of({8, 8}), {}};
  options.interface.output = OutputKind::kClasses;
  EXPECT_THAT(error_of([&] { export_and_parse(graph, options); }, core::ErrorKind::kUser),
              HasSubstr("257 classes do not fit class ids of type uint8; use int64"));
  options.interface.ids = IdType::kInt64;
  EXPECT_EQ(export_and_parse(graph, options).graph().output(0).name(), "classes");
}

TEST(OnnxExport, WritesNothingWhenWeightsAreMissing) {
  const Graph graph = small_graph([](Graph&, NodeId x) { return x; });
  const core::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "model.onnx";
  const auto run = [&] { export_onnx(graph, {}, {interface_of({8, 8}), {}}, file); };
  EXPECT_THAT(error_of(run, core::ErrorKind::kUser),
              HasSubstr("the weights have no array 'x.weight'"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(OnnxExport, TakesWholeNetworksOnly) {
  Graph g;
  g.outputs.push_back({"logits", g.add(graph::Input{24, 4}, {}, Section::kDecoder, "tap0")});
  EXPECT_THAT(error_of(
                  [&] {
                    export_and_parse(g, {interface_of({8, 8}), {}});
                  },
                  core::ErrorKind::kInternal),
              HasSubstr("input 'tap0' has 24 channels and stride 4"));
}

TEST(OnnxCheck, PassesOnTheCheckersText) {
  const Graph graph = small_graph([](Graph&, NodeId x) { return x; });
  const onnx::ModelProto good = export_and_parse(graph, {interface_of({8, 8}), {}});

  onnx::ModelProto unknown = good;
  unknown.mutable_graph()->mutable_node(0)->set_op_type("Convolve");
  EXPECT_THAT(error_of([&] { check_onnx(unknown); }, core::ErrorKind::kInternal),
              HasSubstr("Convolve"));

  onnx::ModelProto dangling = good;
  dangling.mutable_graph()->mutable_node(0)->set_input(0, "nowhere");
  EXPECT_THAT(error_of([&] { check_onnx(dangling); }, core::ErrorKind::kInternal),
              HasSubstr("nowhere"));

  onnx::ModelProto misshapen = good;
  misshapen.mutable_graph()
      ->mutable_output(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(2)
      ->set_dim_value(9);
  EXPECT_THAT(error_of([&] { check_onnx(misshapen); }, core::ErrorKind::kInternal),
              HasSubstr("the exported network is no valid ONNX model"));
}

}  // namespace
}  // namespace parsimony::deploy
