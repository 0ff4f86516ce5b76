// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "parsimony/core/files.h"
#include "parsimony/deploy/trained_graph.h"
#include "parsimony/graph/graph.h"

namespace parsimony::meter {

// A network whose latency is asked for: its graph and weights, or only an ONNX file. May be read
// from many threads.
class Subject {
 public:
  // What "logits" needs of `network`, for pictures of that size.
  Subject(deploy::TrainedGraph network, graph::Size picture);
  // Only runtimes that read ONNX can measure it.
  explicit Subject(const std::filesystem::path& onnx_file);

  // A network with random weights: how long it takes does not depend on them, as long as no value
  // is too small for a normal float, which these weights see to.
  static Subject untrained(const graph::Graph& graph, graph::Size picture);

  const std::string& description() const { return description_; }  // for messages
  const deploy::TrainedGraph* network() const { return network_ ? &*network_ : nullptr; }
  graph::Size picture() const { return picture_; }  // 0x0 of an ONNX file

  // The network as an ONNX file with batch norms folded: logits at the network's own resolution,
  // pictures normalised outside. Written at the first call and removed with the object.
  std::filesystem::path onnx() const;

 private:
  std::string description_;
  std::optional<deploy::TrainedGraph> network_;
  graph::Size picture_;
  struct Export {
    std::mutex mutex;
    std::optional<core::TemporaryFolder> folder;
    std::filesystem::path file;
  };
  std::unique_ptr<Export> export_;
};

}  // namespace parsimony::meter
