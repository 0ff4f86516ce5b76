// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/import.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/deploy/trained_graph.h"
#include "parsimony/supernet/sliced.h"
#include "parsimony/weights/tensor_files.h"

namespace parsimony::supernet {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kLastProjection = "features.17.conv.2.weight";
constexpr double kLastChannels = 320;  // of MobileNet-v2 at width 1
constexpr int kMaxStride = 32;         // of a DeepLab
constexpr std::string_view kFormula = "pixel/127.5 - 1";

// The name of the graph's array, or nothing for what our networks do not have.
std::optional<std::string> own_name(std::string_view name) {
  if (name.starts_with("features.")) return fmt::format("encoder.{}", name);
  if (name.starts_with("logits.")) return fmt::format("decoder.{}", name);
  for (const std::string_view layer : {"aspp0", "image_pooling", "concat_projection"}) {
    if (!name.starts_with(layer)) continue;
    const std::string_view rest = name.substr(layer.size());
    if (rest.starts_with(".0.")) return fmt::format("decoder.{}.conv.{}", layer, rest.substr(3));
    if (rest.starts_with(".1.")) return fmt::format("decoder.{}.bn.{}", layer, rest.substr(3));
  }
  return std::nullopt;
}

// PyTorch's count of training steps, which no network of ours has.
bool is_counter(std::string_view name) {
  return name.ends_with("num_batches_tracked");
}

weights::ArrayMap renamed(const weights::ArrayMap& file, const std::string& source) {
  weights::ArrayMap result;
  for (const auto& [name, array] : file.arrays) {
    if (is_counter(name)) continue;
    const std::optional<std::string> own = own_name(name);
    if (!own) {
      core::throw_user_error(
          "{}: holds the array '{}', which a DeepLabV3 on MobileNet-v2 without atrous branches and decoder does not "
          "have; only such networks can be imported",
          source,
          name);
    }
    result.arrays[*own] = array;
  }
  return result;
}

// Number of outputs of a convolution in the file.
std::int64_t outputs_of(const weights::ArrayMap& file,
                        std::string_view name,
                        const std::string& source) {
  const auto found = file.arrays.find(std::string(name));
  if (found == file.arrays.end() || found->second.shape.size() != 4) {
    core::throw_user_error(
        "{}: has no convolution '{}'; expected the weights of TensorFlow's DeepLabV3 on MobileNet-v2 with the encoder "
        "named as torchvision names it",
        source,
        name);
  }
  return found->second.shape[0];
}

// How the arrays differ from those that a graph needs.
struct Difference {
  int arrays = 0;
  std::string first;
  void add(std::string what) {
    if (arrays++ == 0) first = std::move(what);
  }
};

Difference difference(const weights::ArrayMap& arrays, const graph::Graph& graph) {
  Difference result;
  std::set<std::string> needed;
  for (const graph::Node& node : graph.nodes) {
    for (const deploy::Parameter& parameter : deploy::parameters_of(node)) {
      needed.insert(parameter.name);
      const auto found = arrays.arrays.find(parameter.name);
      if (found == arrays.arrays.end()) {
        result.add(fmt::format("'{}' is missing", parameter.name));
      } else if (found->second.shape != parameter.shape) {
        result.add(fmt::format("'{}' has shape [{}], expected [{}]",
                               parameter.name,
                               fmt::join(found->second.shape, ", "),
                               fmt::join(parameter.shape, ", ")));
      }
    }
  }
  for (const auto& [name, array] : arrays.arrays) {
    if (!needed.contains(name)) result.add(fmt::format("'{}' is superfluous", name));
  }
  return result;
}

const Json& member(const Json& json, const char* key, const std::string& source) {
  if (!json.is_object() || !json.contains(key))
    core::throw_user_error("{}: has no '{}'; expected the side-car of a weights file", source, key);
  return json[key];
}

// Of a convolution; 1 outside the encoder.
int stride_of(const Json& node, const std::string& source) {
  const std::string weight = node.value("weight", "");
  if (!weight.starts_with("features.")) return 1;
  const auto stride = node.at("stride").at(0).get<std::int64_t>();
  if (stride != 1 && stride != 2) {
    core::throw_user_error("{}: '{}' has stride {}, expected 1 or 2", source, weight, stride);
  }
  return static_cast<int>(stride);
}

DeeplabFacts facts_of(const Json& json, const std::string& source) {
  DeeplabFacts facts;
  facts.output_stride = 1;
  std::set<double> epsilons;
  for (const Json& node : member(member(json, "graph", source), "nodes", source)) {
    const std::string op = node.value("op", "");
    if (op == "conv2d") facts.output_stride *= stride_of(node, source);
    if (facts.output_stride > kMaxStride) {
      core::throw_user_error(
          "{}: the encoder's output stride is above {}, expected 8, 16 or 32", source, kMaxStride);
    }
    if (op == "batch_norm") epsilons.insert(node.at("eps").get<double>());
  }
  if (epsilons.size() != 1 || *epsilons.begin() < 0) {
    core::throw_user_error(
        "{}: expected batch norms with one epsilon, found [{}]", source, fmt::join(epsilons, ", "));
  }
  facts.epsilon = *epsilons.begin();
  const auto formula =
      member(member(json, "preprocessing", source), "formula", source).get<std::string>();
  if (formula != kFormula) {
    core::throw_user_error(
        "{}: pictures are normalised by '{}', only '{}' is known", source, formula, kFormula);
  }
  if (json.contains("classes") && json["classes"].is_array())
    facts.classes = json["classes"].get<std::vector<std::string>>();
  return facts;
}

std::vector<float> floats_of(const weights::ArrayMap& arrays, const std::string& name) {
  return arrays.arrays.at(name).to_floats();
}

void put(weights::ArrayMap& arrays, const std::string& name, const std::vector<float>& values) {
  weights::Array& array = arrays.arrays.at(name);
  array = weights::Array::from_floats(array.shape, values);
}

void convert_epsilon(weights::ArrayMap& arrays, double epsilon) {
  if (epsilon == deploy::kBatchNormEpsilon) return;
  for (auto& [name, array] : arrays.arrays) {
    if (!name.ends_with(".running_var")) continue;
    std::vector<float> variances = array.to_floats();
    for (float& variance : variances)
      variance = static_cast<float>(variance + epsilon - deploy::kBatchNormEpsilon);
    array = weights::Array::from_floats(array.shape, variances);
  }
}

// The file's network sees (d x + m - m') / d' where x is the picture by our own mean m and
// deviation d, and m' and d' are the file's.
void convert_normalization(weights::ArrayMap& arrays, const graph::Normalization& theirs) {
  const graph::Normalization& ours = graph::kImagenetNormalization;
  if (theirs == ours) return;
  const std::string kernel = "encoder.features.0.0.weight";
  const std::string mean = "encoder.features.0.1.running_mean";
  std::vector<float> weights = floats_of(arrays, kernel), means = floats_of(arrays, mean);
  const std::size_t taps = weights.size() / means.size() / 3;
  for (std::size_t out = 0; out < means.size(); ++out) {
    double constant = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const double offset = (ours.mean[c] - theirs.mean[c]) / theirs.deviation[c];
      const double factor = ours.deviation[c] / theirs.deviation[c];
      for (std::size_t tap = 0; tap < taps; ++tap) {
        float& weight = weights[(out * 3 + c) * taps + tap];
        constant += weight * offset;
        weight = static_cast<float>(weight * factor);
      }
    }
    means[out] = static_cast<float>(means[out] - constant);
  }
  put(arrays, kernel, weights);
  put(arrays, mean, means);
}

}  // namespace

DeeplabFacts deeplab_facts(std::string_view json, const std::string& source) {
  try {
    return facts_of(Json::parse(json), source);
  } catch (const Json::exception& error) {
    core::throw_user_error("{}: not the side-car of a weights file: {}", source, error.what());
  }
}

DeeplabDesign deeplab_design(const weights::ArrayMap& file,
                             int output_stride,
                             const std::string& source) {
  const weights::ArrayMap arrays = renamed(file, source);
  DeeplabDesign design;
  design.classes = static_cast<int>(outputs_of(file, "logits.weight", source));
  graph::DeeplabOptions& options = design.options;
  options.width = static_cast<double>(outputs_of(file, kLastProjection, source)) / kLastChannels;
  options.output_stride = output_stride;
  options.atrous_branches = false;
  options.decoder = false;
  options.image_pooling = arrays.arrays.contains("decoder.image_pooling.conv.weight");
  options.aspp_channels = static_cast<int>(outputs_of(file, "aspp0.0.weight", source));
  std::optional<Difference> least;
  for (const int divisor : {8, 1}) {
    options.divisible_by = divisor;
    const Difference found =
        difference(arrays, graph::deeplab_supernet(options, design.classes).graph);
    if (found.arrays == 0) return design;
    if (!least || found.arrays < least->arrays) least = found;
  }
  core::throw_user_error(
      "{}: differs in {} arrays from a DeepLabV3 on a MobileNet-v2 of width {:.3g}; in our names, {}",
      source,
      least->arrays,
      options.width,
      least->first);
}

weights::ArrayMap deeplab_weights(const weights::ArrayMap& file,
                                  const DeeplabDesign& design,
                                  const DeeplabFacts& facts,
                                  const std::string& source) {
  weights::ArrayMap arrays = renamed(file, source);
  try {
    check_weights(graph::deeplab_supernet(design.options, design.classes).graph, arrays);
  } catch (const core::Error& error) {
    throw core::Error(error.kind(), fmt::format("{}: {}", source, error.what()));
  }
  for (auto& [name, array] : arrays.arrays)
    array = weights::Array::from_floats(array.shape, array.to_floats());
  convert_epsilon(arrays, facts.epsilon);
  convert_normalization(arrays, facts.normalization);
  return arrays;
}

ImportedDeeplab import_deeplab(const std::filesystem::path& file) {
  const weights::ArrayMap arrays = weights::read_weights(file);
  std::filesystem::path side_car = file;
  side_car.replace_extension(".json");
  ImportedDeeplab result;
  if (std::filesystem::exists(side_car))
    result.facts = deeplab_facts(core::read_text_file(side_car), side_car.string());
  result.design = deeplab_design(arrays, result.facts.output_stride, file.string());
  const auto named = static_cast<int>(result.facts.classes.size());
  if (named != 0 && named != result.design.classes) {
    core::throw_user_error("{}: names {} classes, the network of {} has {}",
                           side_car.string(),
                           named,
                           file.string(),
                           result.design.classes);
  }
  result.weights = deeplab_weights(arrays, result.design, result.facts, file.string());
  return result;
}

}  // namespace parsimony::supernet
