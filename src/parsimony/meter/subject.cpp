// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/subject.h"

#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/deploy/fold.h"
#include "parsimony/deploy/onnx_export.h"
#include "parsimony/network/network.h"

namespace parsimony::meter {

Subject::Subject(deploy::TrainedGraph network, graph::Size picture)
    : description_("the network"),
      network_({deploy::drop_auxiliary(network.graph), std::move(network.weights)}),
      picture_(picture),
      export_(std::make_unique<Export>()) {}

Subject::Subject(const std::filesystem::path& onnx_file)
    : description_(onnx_file.string()), export_(std::make_unique<Export>()) {
  if (!std::filesystem::is_regular_file(onnx_file))
    core::throw_user_error("{}: there is no such file, expected an ONNX network",
                           onnx_file.string());
  export_->file = onnx_file;
}

Subject Subject::untrained(const graph::Graph& graph, graph::Size picture) {
  network::Network network(graph, core::Rng(1), {});
  // LibTorch's initialisation has a third of the variance of He's: behind fifty layers nothing but
  // denormal numbers would be left, which processors compute with many times slower.
  const double gain = std::sqrt(6);
  for (network::ParameterGroup* group : {&network.encoder(), &network.decoder()}) {
    for (const auto& [name, tensor] : group->tensors) {
      if (tensor.dim() == 4) tensor.detach().mul_(gain);
    }
  }
  return {deploy::TrainedGraph{graph, network.save()}, picture};
}

std::filesystem::path Subject::onnx() const {
  const std::lock_guard lock(export_->mutex);
  if (export_->file.empty()) {
    const std::filesystem::path file = export_->folder.emplace().path() / "model.onnx";
    const deploy::TrainedGraph folded = deploy::fold_batch_norm(network_->graph, network_->weights);
    deploy::OnnxOptions options;
    options.interface.height = static_cast<int>(picture_.height);
    options.interface.width = static_cast<int>(picture_.width);
    deploy::export_onnx(folded.graph, folded.weights, options, file);
    export_->file = file;
  }
  return export_->file;
}

}  // namespace parsimony::meter
