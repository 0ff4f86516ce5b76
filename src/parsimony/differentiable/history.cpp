// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::differentiable {
namespace {

using Json = nlohmann::ordered_json;

// --- writing -----------------------------------------------------------------

Json cell_json(const space::GridCell& cell) {
  Json edges = Json::array();
  for (const space::GridCellEdge& edge : cell.edges)
    edges.push_back(
        {edge.node, edge.source, space::kGridOpNames[static_cast<std::size_t>(edge.op)]});
  return {{"inputs", cell.inputs}, {"edges", std::move(edges)}};
}

Json paths_json(const std::vector<space::GridLayer>& paths) {
  Json layers = Json::array();
  for (const space::GridLayer& layer : paths) {
    Json edges = Json::array();
    for (const space::GridEdge& edge : layer) edges.push_back({edge.from, edge.to});
    layers.push_back(std::move(edges));
  }
  return layers;
}

// What was not measured is left out.
void put(Json& object, const char* name, const std::optional<double>& value) {
  if (value) object[name] = *value;
}

Json note_json(const EpochNote& note) {
  Json object = {{"epoch", note.epoch}, {"weight_loss", note.weight_loss}};
  put(object, "architecture_loss", note.architecture_loss);
  put(object, "supernet_miou", note.supernet_miou);
  put(object, "discrete_miou", note.discrete_miou);
  object["entropy"] = note.entropy;
  return object;
}

Json json_of(const CellSearchHistory& history) {
  Json epochs = Json::array();
  for (const CellNote& note : history.epochs) {
    Json object = note_json(note);
    put(object, "eigenvalue", note.eigenvalue);
    object["skips"] = note.skips;
    object["weights"] = note.weights;
    object["cell"] = cell_json(note.cell);
    epochs.push_back(std::move(object));
  }
  return {{"epochs", std::move(epochs)},
          {"returned_to", history.returned_to},
          {"cell", cell_json(history.cell)}};
}

Json json_of(const PathSearchHistory& history) {
  Json epochs = Json::array();
  for (const PathNote& note : history.epochs) {
    Json object = note_json(note);
    object["cost"] = note.cost;
    object["paths"] = paths_json(note.paths);
    epochs.push_back(std::move(object));
  }
  return {{"budget", history.budget},
          {"epochs", std::move(epochs)},
          {"gates", history.gates},
          {"deviations", history.deviations},
          {"paths", paths_json(history.paths)}};
}

Json json_of(const StudyHistory& history) {
  Json seeds = Json::array();
  for (const SeedHistory& seed : history.seeds) {
    Json paths = Json::array();
    for (const PathSearchHistory& search : seed.paths) paths.push_back(json_of(search));
    seeds.push_back(
        {{"seed", seed.seed}, {"cell", json_of(seed.cell)}, {"paths", std::move(paths)}});
  }
  Json networks = Json::array();
  for (const NetworkNote& note : history.networks) {
    networks.push_back({{"trial", note.trial},
                        {"origin", kNetworkOriginNames[static_cast<std::size_t>(note.origin)]},
                        {"seed", note.seed},
                        {"budget", note.budget}});
  }
  return {{"cost", history.cost}, {"seeds", std::move(seeds)}, {"networks", std::move(networks)}};
}

// JSON has no such numbers: they would be read back as nothing.
void require_finite(const Json& value) {
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    core::require(std::isfinite(number), "the history of a search holds {}", number);
  }
  if (!value.is_structured()) return;
  for (const Json& part : value) require_finite(part);
}

// Doubles are written with as many digits as it takes to read the same value back.
std::string text_of(const Json& value) {
  require_finite(value);
  try {
    return value.dump();
  } catch (const Json::exception& error) {
    core::throw_internal_error("the history of a search cannot be written: {}", error.what());
  }
}

// --- reading -----------------------------------------------------------------

// A value and the way to it, which errors name: "seeds[0].cell.epochs[3].entropy".
class Element {
 public:
  Element(const Json& value, std::string place) : value_(value), place_(std::move(place)) {}

  Element operator[](const char* name) const {
    const auto found = value_.find(name);
    if (!value_.is_object() || found == value_.end())
      core::throw_user_error(
          "history of a search: {} has no '{}'", place_.empty() ? "the whole" : place_, name);
    return {*found, place_.empty() ? std::string(name) : fmt::format("{}.{}", place_, name)};
  }

  template <typename Read>
  auto list(Read read) const {
    if (!value_.is_array()) fail("a list");
    std::vector<decltype(read(*this))> values;
    for (std::size_t i = 0; i < value_.size(); ++i)
      values.push_back(read(Element(value_[i], fmt::format("{}[{}]", place_, i))));
    return values;
  }

  // Of a list with as many values as that.
  Element at(std::size_t index, std::size_t size) const {
    if (!value_.is_array() || value_.size() != size) fail(fmt::format("a list of {}", size));
    return {value_[index], fmt::format("{}[{}]", place_, index)};
  }

  double number() const {
    if (!value_.is_number()) fail("a number");
    return value_.get<double>();
  }

  std::optional<double> optional_number(const char* name) const {
    return value_.contains(name) ? std::optional((*this)[name].number()) : std::nullopt;
  }

  template <typename Whole>
  Whole whole() const {
    using Limits = std::numeric_limits<Whole>;
    const bool fits = value_.is_number_integer() &&
                      (!value_.is_number_unsigned() ||
                       value_.get<std::uint64_t>() <= static_cast<std::uint64_t>(Limits::max())) &&
                      value_.get<std::int64_t>() >= Limits::min();
    if (!fits) fail("a whole number");
    return value_.get<Whole>();
  }

  std::string text() const {
    if (!value_.is_string()) fail("a text");
    return value_.get<std::string>();
  }

  template <typename Enum>
  Enum choice(std::span<const std::string_view> names) const {
    const auto found = std::ranges::find(names, text());
    if (found == names.end()) fail("one of " + core::join(names, ", "));
    return static_cast<Enum>(found - names.begin());
  }

  [[noreturn]] void fail(const std::string& expected) const {
    core::throw_user_error("history of a search: {} is {}, expected {}",
                           place_.empty() ? "the whole" : place_,
                           value_.is_primitive() ? value_.dump() : value_.type_name(),
                           expected);
  }

 private:
  const Json& value_;
  std::string place_;
};

template <typename Read>
auto read(std::string_view text, Read read_element) {
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) core::throw_user_error("history of a search: not valid JSON");
  return read_element(Element(value, ""));
}

// What cells and paths have to obey is what parse_grid_genotype knows; it wants both, so the other
// one is as small as can be. None yet, in a search that goes on, is allowed.
space::GridCell read_cell(const Element& element) {
  space::GridCell cell;
  cell.inputs = element["inputs"].whole<int>();
  cell.edges = element["edges"].list([](const Element& edge) {
    return space::GridCellEdge{.node = edge.at(0, 3).whole<int>(),
                               .source = edge.at(1, 3).whole<int>(),
                               .op = edge.at(2, 3).choice<space::GridOp>(space::kGridOpNames)};
  });
  if (cell.edges.empty()) return cell;
  if (space::parse_grid_genotype(space::to_text({cell, {{{0, 0}}}})).cell != cell)
    element.fail("edges by node and source, the first of the node behind the inputs");
  return cell;
}

std::vector<space::GridLayer> read_paths(const Element& element) {
  const auto paths = element.list([](const Element& layer) {
    return layer.list([](const Element& edge) {
      return space::GridEdge{.from = edge.at(0, 2).whole<int>(), .to = edge.at(1, 2).whole<int>()};
    });
  });
  if (paths.empty()) return paths;
  const space::GridCell smallest{.edges = {{.node = 1, .source = 0, .op = space::GridOp::kSkip}}};
  if (space::parse_grid_genotype(space::to_text({smallest, paths})).layers != paths)
    element.fail("the edges of each layer in ascending order");
  return paths;
}

EdgeValues read_values(const Element& element) {
  return element.list([](const Element& layer) {
    return layer.list([](const Element& value) { return value.number(); });
  });
}

void read_note(const Element& element, EpochNote& note) {
  note.epoch = element["epoch"].whole<int>();
  note.weight_loss = element["weight_loss"].number();
  note.architecture_loss = element.optional_number("architecture_loss");
  note.supernet_miou = element.optional_number("supernet_miou");
  note.discrete_miou = element.optional_number("discrete_miou");
  note.entropy = element["entropy"].number();
}

CellSearchHistory read_cell_search(const Element& element) {
  CellSearchHistory history;
  history.epochs = element["epochs"].list([](const Element& epoch) {
    CellNote note;
    read_note(epoch, note);
    note.eigenvalue = epoch.optional_number("eigenvalue");
    note.skips = epoch["skips"].whole<int>();
    note.weights = read_values(epoch["weights"]);
    note.cell = read_cell(epoch["cell"]);
    return note;
  });
  history.returned_to =
      element["returned_to"].list([](const Element& epoch) { return epoch.whole<int>(); });
  history.cell = read_cell(element["cell"]);
  return history;
}

PathSearchHistory read_path_search(const Element& element) {
  PathSearchHistory history;
  history.budget = element["budget"].number();
  history.epochs = element["epochs"].list([](const Element& epoch) {
    PathNote note;
    read_note(epoch, note);
    note.cost = epoch["cost"].number();
    note.paths = read_paths(epoch["paths"]);
    return note;
  });
  history.gates = read_values(element["gates"]);
  history.deviations = read_values(element["deviations"]);
  if (!std::ranges::equal(history.gates,
                          history.deviations,
                          {},
                          &std::vector<double>::size,
                          &std::vector<double>::size))
    element["deviations"].fail("one value for each of 'gates'");
  history.paths = read_paths(element["paths"]);
  return history;
}

StudyHistory read_study(const Element& element) {
  StudyHistory history;
  history.cost = element["cost"].text();
  history.seeds = element["seeds"].list([](const Element& seed) {
    return SeedHistory{.seed = seed["seed"].whole<std::int64_t>(),
                       .cell = read_cell_search(seed["cell"]),
                       .paths = seed["paths"].list(read_path_search)};
  });
  history.networks = element["networks"].list([](const Element& network) {
    return NetworkNote{.trial = network["trial"].whole<std::int64_t>(),
                       .origin = network["origin"].choice<NetworkOrigin>(kNetworkOriginNames),
                       .seed = network["seed"].whole<std::int64_t>(),
                       .budget = network["budget"].number()};
  });
  return history;
}

}  // namespace

std::string to_json(const StudyHistory& history) {
  return text_of(json_of(history));
}

StudyHistory study_history(std::string_view json) {
  return read(json, read_study);
}

std::string to_json(const CellSearchHistory& history) {
  return text_of(json_of(history));
}

CellSearchHistory cell_search_history(std::string_view json) {
  return read(json, read_cell_search);
}

std::string to_json(const PathSearchHistory& history) {
  return text_of(json_of(history));
}

PathSearchHistory path_search_history(std::string_view json) {
  return read(json, read_path_search);
}

}  // namespace parsimony::differentiable
