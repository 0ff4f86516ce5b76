// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/inheritance.h"

#include <fmt/format.h>

#include <array>
#include <sstream>

#include "parsimony/graph/simplify.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::evaluate {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTrained = {".weight", ".bias"};
constexpr std::array kStatistics = {".running_mean", ".running_var"};

const weights::Array* find(const weights::ArrayMap& arrays, const std::string& name) {
  const auto found = arrays.arrays.find(name);
  return found == arrays.arrays.end() ? nullptr : &found->second;
}

}  // namespace

void InheritOptions::visit(core::FieldVisitor& v) {
  v.field("enabled",
          enabled,
          {"candidates start from the weights of a relative that was trained before"});
  v.field("donors", donors, {"trained candidates that are kept to inherit from", 1, 10000});
}

std::map<Inheritance::Key, std::string> Inheritance::layers_of(const graph::Graph& decoder) {
  const std::vector<std::uint64_t> structures = graph::structures(decoder);
  std::map<std::uint64_t, int> seen;
  std::map<Key, std::string> layers;
  for (std::size_t id = 0; id < decoder.nodes.size(); ++id) {
    if (graph::has_weights(decoder.nodes[id].layer))
      layers[{structures[id], seen[structures[id]]++}] = decoder.nodes[id].name;
  }
  return layers;
}

fs::path Inheritance::file_of(study::TrialId trial) const {
  return folder_ / fmt::format("{}.safetensors", trial);
}

double Inheritance::start(network::Network& decoder) const {
  const std::map<Key, std::string> layers = layers_of(decoder.graph());
  weights::ArrayMap own = decoder.save();
  std::int64_t all = 0;
  for (const auto& [key, name] : layers) {
    for (const char* part : kTrained) {
      if (const auto* array = find(own, name + part)) all += array->numel();
    }
  }
  const std::lock_guard lock(mutex_);
  const Donor* closest = nullptr;
  std::int64_t most = 0;
  for (const Donor& donor : donors_) {
    std::int64_t shared = 0;
    for (const auto& [key, name] : layers) {
      if (!donor.layers.contains(key)) continue;
      for (const char* part : kTrained) {
        if (const auto* array = find(own, name + part)) shared += array->numel();
      }
    }
    if (shared == 0 || shared < most) continue;  // of equals the latest
    closest = &donor;
    most = shared;
  }
  if (closest == nullptr) return 0;
  for (const auto& [key, name] : layers) {
    const auto theirs = closest->layers.find(key);
    if (theirs == closest->layers.end()) continue;
    for (const auto& parts : {kTrained, kStatistics}) {
      for (const char* part : parts) {
        const auto* array = find(closest->arrays, theirs->second + part);
        if (array != nullptr) own.arrays[name + part] = *array;
      }
    }
  }
  decoder.load(own, fmt::format("the weights of trial {}", closest->trial));
  return static_cast<double>(most) / static_cast<double>(all);
}

void Inheritance::add(study::TrialId trial, const network::Network& decoder) {
  Donor donor{trial, layers_of(decoder.graph()), decoder.save()};
  for (const auto& [key, name] : donor.layers)
    donor.arrays.metadata[fmt::format("{} {}", key.first, key.second)] = name;
  fs::create_directories(folder_);
  weights::write_safetensors(file_of(trial), donor.arrays);
  keep(std::move(donor));
}

void Inheritance::restore(study::TrialId trial) {
  if (!fs::exists(file_of(trial))) return;
  Donor donor{trial, {}, weights::read_safetensors(file_of(trial))};
  for (const auto& [text, name] : donor.arrays.metadata) {
    std::istringstream key(text);
    std::uint64_t structure = 0;
    int number = 0;
    if (key >> structure >> number) donor.layers[{structure, number}] = name;
  }
  keep(std::move(donor));
}

void Inheritance::keep(Donor donor) {
  const std::lock_guard lock(mutex_);
  donors_.push_back(std::move(donor));
  if (donors_.size() <= static_cast<std::size_t>(options_.donors)) return;
  fs::remove(file_of(donors_.front().trial));
  donors_.pop_front();
}

}  // namespace parsimony::evaluate
