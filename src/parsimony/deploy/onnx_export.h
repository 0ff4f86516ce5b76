// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "parsimony/deploy/interface.h"
#include "parsimony/graph/graph.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::deploy {

struct OnnxOptions {
  ModelInterface interface;
  // Kept in the file as properties: "genotype", "classes", ... The exporter adds "preprocessing"
  // and "parsimony" (the version).
  std::map<std::string, std::string> metadata;
};

// Writes the "logits" of a trained network as an ONNX file that any runtime understands: static
// shapes, batch 1, operators of opset 13 that every converter knows (Conv, Relu, Clip, Add, Concat,
// Resize, GlobalAveragePool, Expand, Softmax, ArgMax, Cast, ...), input "picture", output "logits"
// or "classes". Fold batch norm first (fold.h); what is left of it is exported as such.
//
//   const TrainedGraph folded = fold_batch_norm(drop_auxiliary(graph), weights);
//   OnnxOptions options{.interface = {.height = 256, .width = 256}};
//   options.metadata["genotype"] = genotype;
//   export_onnx(folded.graph, folded.weights, options, folder / "model.onnx");
//
// A user error when the weights do not fit the graph or the interface makes no sense; an internal
// error with ONNX's text when its checker objects. The file is written atomically, after the
// checks.
void export_onnx(const graph::Graph& graph,
                 const weights::ArrayMap& weights,
                 const OnnxOptions& options,
                 const std::filesystem::path& file);

// Shape of the output that export_onnx gives: [1, C, h, w], [1, C, H, W] or [1, H, W].
std::vector<std::int64_t> onnx_output_shape(const graph::Graph& graph,
                                            const ModelInterface& interface);

}  // namespace parsimony::deploy
