// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/deploy/interface.h"
#include "parsimony/deploy/parity.h"
#include "parsimony/graph/lower.h"

namespace parsimony::deploy {

struct ModelClass {
  std::string name;
  std::array<std::uint8_t, 3> color = {};  // red, green, blue
  bool operator==(const ModelClass&) const = default;
};

// Joints of a network that finds them; a channel each, whose values are a heat map.
struct ModelPose {
  std::vector<std::string> joints;
  std::vector<std::pair<int, int>> bones;  // joints with a line between them, for pictures
  bool operator==(const ModelPose&) const = default;
};

// What the one channel of a depth says: metres d, ln d, or 1 / d; and what predictions are kept
// within, in metres.
struct ModelDepth {
  std::string form = "log";  // "linear", "log", "inverse"
  double nearest = 0.1;
  double farthest = 10;
  bool operator==(const ModelDepth&) const = default;
};

// Costs of the network as it is used: without auxiliary branches (graph/cost.h).
struct ModelCosts {
  std::int64_t params = 0;
  std::int64_t macs = 0;                   // at the picture's size
  std::int64_t peak_activation_bytes = 0;  // fp32, batch 1
  void visit(core::FieldVisitor& v);
  bool operator==(const ModelCosts&) const = default;
};

// How long the network takes for one picture, by a meter ("host-onnx", "profile:gap8").
struct ModelLatency {
  std::string meter;
  double milliseconds = 0;  // median
  std::string conditions;   // device, runtime, threads, ...; that it is an estimate
  bool operator==(const ModelLatency&) const = default;
};

// Everything a person or a program has to know about a trained network; lies beside its files as
// model.json, and for people as README.md.
//
//   ModelCard card{.name = "portraits-17", .trial = 17, .genotype = "[[8,[0,0,5,2],...", ...};
//   card.files["model.onnx"] = core::sha256_of_file(folder / "model.onnx");
//   write_model_card(card, folder);
//   ...
//   const ModelCard card = read_model_card(folder / "model.json");
//   check_files(card, folder);
struct ModelCard {
  std::string name;
  std::int64_t trial = 0;  // of the study; 0: trained by itself
  std::string space = "cell-decoder";
  std::string genotype;
  graph::EncoderOptions encoder;  // of a network with a searched decoder
  graph::DecoderOptions decoder;
  graph::DeeplabOptions supernet;  // that the network is a part of
  graph::GridOptions grid;         // of a network of the grid space
  // "segmentation", "depth", "pose": what the output's channels are, those of the first task first.
  std::vector<std::string> tasks = {"segmentation"};
  std::vector<ModelClass> classes;  // a channel each
  ModelPose pose;
  ModelDepth depth;
  ModelInterface interface;
  std::vector<std::int64_t> output_shape;  // onnx_output_shape (onnx_export.h)
  ModelCosts costs;
  std::string dataset;
  std::map<std::string, std::variant<std::string, double>>
      training;                           // "epochs": 40, "optimiser": "SGD"
  std::map<std::string, double> metrics;  // on the test split: "miou", ...
  std::vector<ModelLatency> latencies;
  Parity parity;                             // export against the trained network
  std::map<std::string, std::string> files;  // name beside the card -> SHA-256
  std::uint64_t seed = 0;
  std::string date;       // ISO 8601, "2026-11-22T01:34:28Z"
  std::string parsimony;  // version that wrote the card

  bool is_part_of_supernet() const;
  bool is_grid() const;
  // Whether it is a searched decoder on an encoder; the others are whole networks.
  bool has_encoder() const { return !is_part_of_supernet() && !is_grid(); }
  bool has_task(std::string_view task) const;
  std::int64_t channels() const;  // of the output
  // Of the network as it is used: without auxiliary branches.
  graph::NetworkDescription description() const;
  bool operator==(const ModelCard&) const = default;
};

// Both files; `folder` is created if needed. Numbers that are not finite are an internal error:
// such a network is not done.
void write_model_card(const ModelCard& card, const std::filesystem::path& folder);

// A user error that names file, key, expectation and finding. Unknown keys are passed over.
ModelCard read_model_card(const std::filesystem::path& file);

std::string to_json(const ModelCard& card);
ModelCard parse_model_card(const std::string& text, const std::string& origin);

// What the network is, how to run it, its classes and its numbers with their definitions.
std::string to_markdown(const ModelCard& card);

// A user error that names the first file of the card that is missing in `folder` or was changed.
void check_files(const ModelCard& card, const std::filesystem::path& folder);

}  // namespace parsimony::deploy
