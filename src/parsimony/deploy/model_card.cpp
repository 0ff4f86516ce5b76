// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/model_card.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/deploy/json_value.h"
#include "parsimony/graph/graph.h"

namespace parsimony::deploy {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kFormat = "parsimony-model";
constexpr int kVersion = 1;
constexpr double kLargest = 9e18;  // bound of integers that have none of their own

ordered_json write_classes(const std::vector<ModelClass>& classes) {
  ordered_json list = ordered_json::array();
  for (const ModelClass& c : classes) list.push_back({{"name", c.name}, {"color", c.color}});
  return list;
}

std::vector<ModelClass> read_classes(const JsonValue& list) {
  std::vector<ModelClass> classes;
  for (const JsonValue& item : list.items()) {
    ModelClass& c = classes.emplace_back();
    c.name = item.at("name").text();
    const JsonValue color = item.at("color");
    const std::vector<JsonValue> channels = color.items();
    if (channels.size() != c.color.size()) color.fail("three integers: red, green, blue");
    for (std::size_t i = 0; i < channels.size(); ++i) {
      c.color[i] = static_cast<std::uint8_t>(channels[i].integer(0, 255));
    }
  }
  if (classes.empty()) list.fail("a list of at least one class");
  return classes;
}

constexpr std::string_view kSegmentation = "segmentation", kPose = "pose", kDepth = "depth";
constexpr std::array kDepthForms = {"linear", "log", "inverse"};

ordered_json write_pose(const ModelPose& pose) {
  ordered_json bones = ordered_json::array();
  for (const auto& [from, to] : pose.bones) bones.push_back({from, to});
  return {{"joints", pose.joints}, {"bones", std::move(bones)}};
}

ModelPose read_pose(const JsonValue& group) {
  ModelPose pose;
  const JsonValue joints = group.at("joints");
  for (const JsonValue& name : joints.items()) pose.joints.push_back(name.text());
  if (pose.joints.empty()) joints.fail("a list of at least one joint");
  const auto last = static_cast<double>(pose.joints.size() - 1);
  for (const JsonValue& bone : group.at("bones").items()) {
    const std::vector<JsonValue> ends = bone.items();
    if (ends.size() != 2) bone.fail("two numbers of joints");
    pose.bones.emplace_back(static_cast<int>(ends[0].integer(0, last)),
                            static_cast<int>(ends[1].integer(0, last)));
  }
  return pose;
}

ordered_json write_depth(const ModelDepth& depth) {
  return {{"form", depth.form}, {"nearest", depth.nearest}, {"farthest", depth.farthest}};
}

ModelDepth read_depth(const JsonValue& group) {
  const JsonValue form = group.at("form");
  ModelDepth depth{form.text(), group.at("nearest").number(), group.at("farthest").number()};
  if (std::ranges::find(kDepthForms, depth.form) == kDepthForms.end())
    form.fail("linear, log or inverse");
  if (!(depth.nearest > 0 && depth.nearest < depth.farthest))
    group.at("nearest").fail("above 0 and below 'farthest'");
  return depth;
}

// Cards of versions that knew no other task do not name theirs.
void read_tasks(const JsonValue& root, bool named, ModelCard& card) {
  if (named) {
    card.tasks.clear();
    const JsonValue tasks = root.at("tasks");
    for (const JsonValue& task : tasks.items()) {
      const std::string name = task.text();
      if (name != kSegmentation && name != kPose && name != kDepth)
        task.fail("segmentation, depth or pose");
      if (card.has_task(name)) task.fail("a task that was not named before");
      card.tasks.push_back(name);
    }
    if (card.tasks.empty()) tasks.fail("a list of at least one task");
  }
  if (card.has_task(kSegmentation)) card.classes = read_classes(root.at("classes"));
  if (card.has_task(kPose)) card.pose = read_pose(root.at("pose"));
  if (card.has_task(kDepth)) card.depth = read_depth(root.at("depth"));
}

ordered_json write_latencies(const std::vector<ModelLatency>& latencies) {
  ordered_json list = ordered_json::array();
  for (const ModelLatency& latency : latencies) {
    list.push_back({{"meter", latency.meter},
                    {"milliseconds", latency.milliseconds},
                    {"conditions", latency.conditions}});
  }
  return list;
}

std::vector<ModelLatency> read_latencies(const JsonValue& list) {
  std::vector<ModelLatency> latencies;
  for (const JsonValue& item : list.items()) {
    latencies.push_back(
        {item.at("meter").text(), item.at("milliseconds").number(), item.at("conditions").text()});
  }
  return latencies;
}

ordered_json write_training(const ModelCard& card) {
  ordered_json group = ordered_json::object();
  for (const auto& [key, value] : card.training) {
    std::visit([&group, &key = key](const auto& v) { group[key] = v; }, value);
  }
  return group;
}

ModelInterface read_interface(const JsonValue& group) {
  auto interface = read_fields<ModelInterface>(group);
  if (const std::string problem = interface.validate(); !problem.empty())
    group.fail(fmt::format("sound ({})", problem));
  return interface;
}

void check_format(const JsonValue& root) {
  const JsonValue format = root.at("format");
  if (format.text() != kFormat) format.fail(fmt::format("'{}'", kFormat));
  const JsonValue version = root.at("version");
  if (version.integer(1, kLargest) > kVersion) {
    version.fail(fmt::format("at most {} (the card was written by a later Parsimony)", kVersion));
  }
}

// Cards of earlier versions, which knew no choice of taps and of how pictures are fitted, do not
// name theirs.
void add_defaults(ordered_json& document) {
  const auto interface = document.find("interface");
  if (interface != document.end() && interface->is_object() && !interface->contains("keep_aspect"))
    (*interface)["keep_aspect"] = ModelInterface{}.keep_aspect;
  const auto encoder = document.find("encoder");
  if (encoder == document.end() || !encoder->is_object() || encoder->contains("taps")) return;
  (*encoder)["taps"] =
      graph::kEncoderTapsNames[static_cast<std::size_t>(graph::EncoderOptions{}.taps)];
}

void require_finite(const ordered_json& value, const std::string& path) {
  core::require(!value.is_number_float() || std::isfinite(value.get<double>()),
                "the model card's '{}' is not a finite number",
                path);
  if (!value.is_structured()) return;
  for (const auto& [key, member] : value.items())
    require_finite(member, path.empty() ? key : path + "." + key);
}

}  // namespace

void ModelCosts::visit(core::FieldVisitor& v) {
  v.field("params",
          params,
          {"convolution weights and biases, batch-norm scales and shifts", 0, kLargest});
  v.field("macs",
          macs,
          {"multiply-accumulates of the convolutions at the picture's size, batch 1", 0, kLargest});
  v.field("peak_activation_bytes",
          peak_activation_bytes,
          {"largest sum of feature maps alive at once, fp32, batch 1", 0, kLargest});
}

bool ModelCard::is_part_of_supernet() const {
  return space == space::name_of(space::SpaceName::kSupernet);
}

bool ModelCard::is_grid() const {
  return space == space::name_of(space::SpaceName::kGrid);
}

graph::NetworkDescription ModelCard::description() const {
  graph::NetworkDescription network{encoder, decoder, static_cast<int>(channels()), supernet, grid};
  network.decoder.auxiliary = false;
  return network;
}

bool ModelCard::has_task(std::string_view task) const {
  return std::ranges::find(tasks, task) != tasks.end();
}

std::int64_t ModelCard::channels() const {
  std::int64_t sum = 0;
  if (has_task(kSegmentation)) sum += std::ssize(classes);
  if (has_task(kPose)) sum += std::ssize(pose.joints);
  if (has_task(kDepth)) sum += 1;
  return sum;
}

std::string to_json(const ModelCard& card) {
  ordered_json root;
  root["format"] = kFormat;
  root["version"] = kVersion;
  root["name"] = card.name;
  root["trial"] = card.trial;
  root["space"] = card.space;
  root["genotype"] = card.genotype;
  if (card.is_part_of_supernet()) {
    root["supernet"] = write_fields(card.supernet);
  } else if (card.is_grid()) {
    root["grid"] = write_fields(card.grid);
  } else {
    root["encoder"] = write_fields(card.encoder);
    root["decoder"] = write_fields(card.decoder);
  }
  root["tasks"] = card.tasks;
  if (card.has_task(kSegmentation)) root["classes"] = write_classes(card.classes);
  if (card.has_task(kPose)) root["pose"] = write_pose(card.pose);
  if (card.has_task(kDepth)) root["depth"] = write_depth(card.depth);
  root["interface"] = write_fields(card.interface);
  root["interface"]["preprocessing"] = card.interface.preprocessing_text();
  root["output_shape"] = card.output_shape;
  root["costs"] = write_fields(card.costs);
  root["dataset"] = card.dataset;
  root["training"] = write_training(card);
  root["metrics"] = card.metrics;
  root["latencies"] = write_latencies(card.latencies);
  root["parity"] = write_fields(card.parity);
  root["files"] = card.files;
  root["seed"] = card.seed;
  root["date"] = card.date;
  root["parsimony"] = card.parsimony;
  require_finite(root, "");
  // Texts that are no UTF-8 (file names, for example) are mended rather than losing the card.
  return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ModelCard parse_model_card(const std::string& text, const std::string& origin) {
  ordered_json document;
  try {
    document = ordered_json::parse(text);
  } catch (const ordered_json::parse_error& error) {
    core::throw_user_error("{}: expected a model card in JSON, found a syntax error at byte {}: {}",
                           origin,
                           error.byte,
                           error.what());
  }
  add_defaults(document);
  const JsonValue root(document, origin);
  check_format(root);
  ModelCard card;
  card.name = root.at("name").text();
  card.trial = root.at("trial").integer(0, kLargest);
  card.space = root.at("space").text();
  card.genotype = root.at("genotype").text();
  if (card.is_part_of_supernet()) {
    card.supernet = read_fields<graph::DeeplabOptions>(root.at("supernet"));
  } else if (card.is_grid()) {
    card.grid = read_fields<graph::GridOptions>(root.at("grid"));
  } else {
    card.encoder = read_fields<graph::EncoderOptions>(root.at("encoder"));
    card.decoder = read_fields<graph::DecoderOptions>(root.at("decoder"));
  }
  read_tasks(root, document.contains("tasks"), card);
  card.interface = read_interface(root.at("interface"));
  for (const JsonValue& extent : root.at("output_shape").items()) {
    card.output_shape.push_back(extent.integer(1, kLargest));
  }
  card.costs = read_fields<ModelCosts>(root.at("costs"));
  card.dataset = root.at("dataset").text();
  for (const auto& [key, value] : root.at("training").members()) {
    if (value.is_text()) {
      card.training[key] = value.text();
    } else {
      card.training[key] = value.number();
    }
  }
  for (const auto& [key, value] : root.at("metrics").members()) card.metrics[key] = value.number();
  if (document.contains("latencies")) card.latencies = read_latencies(root.at("latencies"));
  card.parity = read_fields<Parity>(root.at("parity"));
  for (const auto& [key, value] : root.at("files").members()) card.files[key] = value.text();
  card.seed = root.at("seed").natural();
  card.date = root.at("date").text();
  card.parsimony = root.at("parsimony").text();
  return card;
}

void write_model_card(const ModelCard& card, const std::filesystem::path& folder) {
  core::write_file_atomic(folder / "model.json", to_json(card));
  core::write_file_atomic(folder / "README.md", to_markdown(card));
}

ModelCard read_model_card(const std::filesystem::path& file) {
  return parse_model_card(core::read_text_file(file), file.string());
}

void check_files(const ModelCard& card, const std::filesystem::path& folder) {
  for (const auto& [name, expected] : card.files) {
    const std::filesystem::path file = folder / name;
    const std::string found = core::sha256_of_file(file);
    if (found != expected) {
      core::throw_user_error(
          "{}: the file was changed since the model card was written (SHA-256 {}, expected {})",
          file.string(),
          found,
          expected);
    }
  }
}

}  // namespace parsimony::deploy
