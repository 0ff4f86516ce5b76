// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/finalise.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/core/text.h"
#include "parsimony/data/codec.h"
#include "parsimony/deploy/fold.h"
#include "parsimony/deploy/onnx_export.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/deploy/parity.h"
#include "parsimony/deploy/version.h"
#include "parsimony/meter/meter.h"
#include "parsimony/network/device.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/run/model.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/trained_network.h"
#include "parsimony/run/wanted_groups.h"
#include "parsimony/train/measure.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;
using network::Network;
using network::Phase;
using network::Tensor;

// An exported logit may differ from LibTorch's by this share of the largest one.
constexpr double kParityTolerance = 1e-3;
constexpr double kLeastClassAgreement = 0.999;
constexpr std::int64_t kParityPictures = 4;

std::string utc_now() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

deploy::ModelCard card_for(const ModelRequest& request,
                           const data::Dataset& dataset,
                           graph::Size picture) {
  deploy::ModelCard card;
  card.name = request.name;
  card.trial = request.trial;
  card.space = space::name_of(space::space_of(space::parse_genotype(request.genotype)));
  card.genotype = request.genotype;
  card.encoder = request.network.encoder;
  card.decoder = request.network.decoder;
  card.decoder.auxiliary = false;
  card.supernet = request.network.supernet;
  card.grid = request.network.grid;
  const data::DatasetInfo& info = dataset.info();
  describe_output(request.task, info, card);
  card.interface.height = static_cast<int>(picture.height);
  card.interface.width = static_cast<int>(picture.width);
  card.interface.normalise_inside = request.options.normalise_inside;
  card.interface.keep_aspect = request.keep_aspect;
  // Joints are found on heat maps as they are, between whose cells a resized map knows no more.
  card.interface.output = request.task.targets().contains(data::Target::kPose)
                              ? deploy::OutputKind::kLogits
                              : request.options.output;
  card.dataset = info.name;
  card.seed = request.seed;
  card.parsimony = deploy::version();
  card.date = utc_now();
  return card;
}

// Arrays of the same name and shape.
void take_over(Network& net, const weights::ArrayMap& initial) {
  weights::ArrayMap arrays = net.save();
  for (auto& [name, array] : arrays.arrays) {
    const auto found = initial.arrays.find(name);
    if (found != initial.arrays.end() && found->second.shape == array.shape) array = found->second;
  }
  net.load(arrays, "the network to begin with");
}

// The data set's groups, and those that the request names beside them.
std::vector<data::ClassGroup> scored_groups(const ModelRequest& request,
                                            const data::DatasetInfo& info) {
  std::vector<data::ClassGroup> groups = info.groups;
  for (const std::string& name : request.f1) {
    if (std::ranges::find(groups, name, &data::ClassGroup::name) == groups.end())
      groups.push_back(group_named(name, info));
  }
  return groups;
}

struct Pictures {
  std::vector<data::Sample> training, validation;
};

struct Trained {
  Network network;
  deploy::ModelCard card;
};

// Trains, or loads what an earlier call finished. nullopt when interrupted.
std::optional<Trained> trained_network(const ModelRequest& request,
                                       const data::Dataset& dataset,
                                       const Pictures& pictures,
                                       const fs::path& folder,
                                       const core::Context& context) {
  graph::NetworkDescription description = request.network;
  const std::shared_ptr<const task::Task> task = task::make_task(request.task, dataset.info());
  description.classes = task->channels();
  const graph::Graph whole =
      graph::simplified_network(space::parse_genotype(request.genotype), description);
  const core::Rng rng = core::Rng(request.seed).split("final").split(request.genotype);
  Network net(whole, rng.split("weights"), {.device = network::device_of(context.device)});
  if (!request.encoder_weights.arrays.empty())
    net.load_section(request.encoder_weights, graph::Section::kEncoder, "encoder weights");
  if (!request.initial.arrays.empty()) take_over(net, request.initial);

  std::optional<Network> teacher;
  if (!request.teacher.model.empty())
    teacher = load_teacher(request.teacher, *task, dataset.info(), net.options().device);
  const fs::path checkpoint = folder / "checkpoint.safetensors";
  const train::TrainerResult result = train::train_fully(net,
                                                         pictures.training,
                                                         pictures.validation,
                                                         *task,
                                                         request.options.training,
                                                         rng,
                                                         checkpoint,
                                                         context,
                                                         "training " + request.name,
                                                         teacher ? &*teacher : nullptr);
  if (result.end == train::TrainerEnd::kInterrupted) return std::nullopt;
  if (result.end == train::TrainerEnd::kDiverged) {
    core::throw_user_error(
        "{}: the final training diverged in epoch {}; lower final.training.decoder.rate or "
        "final.training.encoder.rate",
        request.name,
        result.epochs + 1);
  }
  deploy::ModelCard card = card_for(request, dataset, picture_size(dataset));
  card.training = {{"epochs", static_cast<double>(result.epochs)},
                   {"best_epoch", static_cast<double>(result.best_epoch)},
                   {fmt::format("validation_{}", task->deciding()), result.best},
                   {"seconds", result.seconds},
                   {"batch", static_cast<double>(request.options.training.batch)},
                   {"crop", static_cast<double>(request.options.training.augment.crop)}};
  if (!request.teacher.model.empty()) card.training["teacher"] = request.teacher.model;
  if (!request.from.empty()) {
    card.training["architecture_of"] = request.from;
    card.training["weights_of"] = request.initial.arrays.empty() ? "" : request.from;
  }
  return Trained{std::move(net), std::move(card)};
}

// Logits of the network as exported: at its own resolution, or resized to the picture.
Tensor exported_logits(Network& net,
                       const Tensor& picture,
                       const deploy::ModelInterface& interface) {
  const Tensor logits = net.logits({picture}, Phase::kEvaluation);
  if (interface.output == deploy::OutputKind::kLogits) return logits;
  return network::resize_bilinear(logits, interface.height, interface.width);
}

// Runs the exported file on pictures and compares it with the network. A difference beyond rounding
// is an internal error: such an export must not be called done.
deploy::Parity compare_in_runtime(Network& net,
                                  const std::vector<data::Image>& pictures,
                                  const fs::path& onnx,
                                  const deploy::ModelInterface& interface,
                                  int threads) {
  const at::NoGradGuard no_grad;
  deploy::OrtSession session(onnx, {.threads = threads});
  deploy::Parity worst;
  for (const data::Image& picture : pictures) {
    const data::Image fitted = fitted_picture(picture, interface);
    const auto run =
        session.run({{1, 3, interface.height, interface.width}, input_values(fitted, interface)});
    const auto& actual = run.outputs.begin()->second;
    const train::Batch batch = train::to_batch({{.image = fitted}});
    const Tensor expected =
        exported_logits(net, batch.pictures, interface).to(at::kCPU).contiguous();
    if (interface.output == deploy::OutputKind::kClasses) {
      const Tensor classes = expected.argmax(1).to(at::kFloat).contiguous();
      const Tensor found =
          at::from_blob(const_cast<float*>(actual.values.data()), actual.shape, at::kFloat);
      worst.class_agreement =
          std::min(worst.class_agreement, (classes == found).to(at::kDouble).mean().item<double>());
      core::require(worst.class_agreement > kLeastClassAgreement,
                    "{}: only {} of the pixels get LibTorch's class",
                    onnx.string(),
                    worst.class_agreement);
      continue;
    }
    const auto count = static_cast<std::size_t>(expected.numel());
    const deploy::Parity parity =
        deploy::compare({expected.data_ptr<float>(), count}, actual.values, expected.size(1));
    core::require(
        parity.passes(kParityTolerance),
        "{}: ONNX Runtime's result differs from LibTorch's by {} of the largest logit (allowed {})",
        onnx.string(),
        parity.relative(),
        kParityTolerance);
    worst.max_difference = std::max(worst.max_difference, parity.max_difference);
    worst.max_reference = std::max(worst.max_reference, parity.max_reference);
    worst.class_agreement = std::min(worst.class_agreement, parity.class_agreement);
  }
  return worst;
}

std::string conditions_of(const meter::Measurement& measured) {
  const meter::Conditions& at = measured.conditions;
  std::vector<std::string> parts;
  if (measured.estimated)
    parts.push_back(measured.error > 0
                        ? fmt::format("an estimate, +-{:.0f} %", 100 * measured.error)
                        : "an estimate");
  parts.push_back(fmt::format("{}, {}", at.device, at.runtime));
  if (at.threads > 0)
    parts.push_back(fmt::format("{} thread{}", at.threads, at.threads == 1 ? "" : "s"));
  parts.push_back(
      fmt::format("batch {}, {}, {}", at.batch, at.precision, fmt::join(at.input, "x")));
  if (measured.repetitions > 0) {
    parts.push_back(fmt::format("quartiles {:.3g} to {:.3g} ms of {} runs",
                                measured.first_quartile,
                                measured.third_quartile,
                                measured.repetitions));
  }
  if (!measured.note.empty()) parts.push_back(measured.note);
  return core::join(parts, ", ");
}

// By the meters of the study and the models of its devices, which are among the costs already; what
// one cannot say is a warning, as the network is none the worse. False when stopped.
bool measure_latencies(const ModelRequest& request,
                       const deploy::TrainedGraph& network,
                       graph::Size picture,
                       const fs::path& folder,
                       deploy::ModelCard& card,
                       objective::Scores& scores,
                       const core::Context& context) {
  std::vector<std::string> meters = request.options.latency;
  for (const std::string& text : request.cost.measured) {
    if (std::find(meters.begin(), meters.end(), text) == meters.end()) meters.push_back(text);
  }
  const std::size_t measured = meters.size();
  for (const std::string& device : request.cost.devices) meters.push_back("profile:" + device);
  const meter::Subject subject(network, picture);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < meters.size(); ++i) {
    const auto meter = meter::make_meter(meters[i], {});
    meter::Reading reading;
    try {
      reading = meter->measure(subject, context);
    } catch (const core::Error& error) {
      reading.reason = error.what();
    }
    if (reading.end == meter::ReadingEnd::kStopped) return false;
    if (reading.end == meter::ReadingEnd::kFailed) {
      context.log.line(core::LogLevel::kWarning,
                       fmt::format("{}: its latency is not known by {}: {}",
                                   request.name,
                                   meter->name(),
                                   reading.reason));
      continue;
    }
    all.push_back(meter::to_json(reading.measurement));
    card.latencies.push_back(
        {meter->name(), reading.measurement.median, conditions_of(reading.measurement)});
    if (i >= measured) continue;
    scores[std::string(objective::kLatencyOn) + meter->name()] = reading.measurement.median;
    if (reading.measurement.estimated) scores[std::string(study::kEstimatedOn) + meter->name()] = 1;
  }
  core::write_file_atomic(folder / "latency.json", all.dump(2) + "\n");
  return true;
}

// mIoU of the card's network with other weights; nullopt when interrupted.
std::optional<double> untrained_quality(const deploy::ModelCard& card,
                                        const weights::ArrayMap& untrained,
                                        const data::Dataset& dataset,
                                        data::Split split,
                                        const core::Context& context) {
  Network net(graph::simplified_network(space::parse_genotype(card.genotype), card.description()),
              core::Rng(0),
              {.device = network::device_of(context.device)});
  net.load(untrained, "weights before training");
  const std::unique_ptr<Model> model = as_model({card, std::move(net)}, "before its training");
  const auto measured = evaluate_model(*model, dataset, split, {}, context);
  if (!measured) return std::nullopt;
  return measured->scores.at("miou");
}

void write_samples(Model& model,
                   const data::Dataset& dataset,
                   data::Split split,
                   const fs::path& folder,
                   int count) {
  fs::create_directories(folder);
  const std::int64_t size = dataset.size(split);
  const std::int64_t wanted = std::min<std::int64_t>(count, size);
  for (std::int64_t i = 0; i < wanted; ++i) {
    const std::int64_t index = i * size / wanted;  // spread over the split
    const data::Sample sample = dataset.read(split, index);
    const std::string name = dataset.id(split, index);
    data::write_jpeg(folder / (name + "_image.jpg"), sample.image, 88);
    const data::Sample predicted = as_labels(sample.image, model.predict(sample.image));
    // The label's scale for all: colours are there to be compared, among networks too.
    const data::DepthRange range = data::depth_range({&sample.depth});
    data::write_png(folder / (name + "_label.png"), drawn(sample, dataset.info(), range));
    data::write_png(folder / (name + "_prediction.png"), drawn(predicted, dataset.info(), range));
  }
}

// Everything behind the training. nullopt when interrupted.
std::optional<study::FinalModel> finished_model(Trained trained,
                                                const ModelRequest& request,
                                                const data::Dataset& dataset,
                                                const fs::path& folder,
                                                const core::Context& context) {
  auto& [net, card] = trained;
  const graph::Size picture = picture_size(dataset);
  const graph::Graph used = deploy::drop_auxiliary(net.graph());
  const objective::Scores costs = evaluate::Costs(picture, request.cost).of(used);
  card.costs = {std::llround(costs.at("params")),
                std::llround(costs.at("macs")),
                std::llround(costs.at("peak_activation_bytes"))};
  weights::ArrayMap arrays;
  for (const graph::Node& node : used.nodes) {
    for (const deploy::Parameter& parameter : deploy::parameters_of(node))
      arrays.arrays[parameter.name] = {};
  }
  for (auto& [name, array] : net.save().arrays) {
    if (const auto wanted = arrays.arrays.find(name); wanted != arrays.arrays.end())
      wanted->second = array;
  }
  weights::write_safetensors(folder / "weights.safetensors", arrays);

  const deploy::TrainedGraph folded = deploy::fold_batch_norm(used, arrays);
  deploy::OnnxOptions onnx{.interface = card.interface,
                           .metadata = {{"genotype", request.genotype}}};
  onnx.metadata["tasks"] = core::join(card.tasks, ",");
  if (!card.classes.empty()) onnx.metadata["classes"] = core::join(dataset.info().classes, ",");
  const fs::path onnx_file = folder / "model.onnx";
  deploy::export_onnx(folded.graph, folded.weights, onnx, onnx_file);
  card.output_shape = deploy::onnx_output_shape(folded.graph, card.interface);

  const data::Split split = measured_split(dataset);
  study::FinalModel model;
  model.trial = request.trial;
  model.folder = "models/" + folder.filename().string();
  if (deploy::OrtSession::available()) {
    std::vector<data::Image> pictures;
    for (std::int64_t i = 0; i < std::min(kParityPictures, dataset.size(split)); ++i) {
      pictures.push_back(dataset.read(split, i).image);
    }
    card.parity = compare_in_runtime(net, pictures, onnx_file, card.interface, context.threads);
    model.scores["onnx_difference"] = card.parity.max_difference;
  } else {
    context.log.line(core::LogLevel::kWarning,
                     "the export was not compared: " + deploy::OrtSession::unavailable_reason());
  }
  if (!measure_latencies(request, {used, arrays}, picture, folder, card, model.scores, context))
    return std::nullopt;
  for (const char* file : {"weights.safetensors", "model.onnx"})
    card.files[file] = core::sha256_of_file(folder / file);
  deploy::write_model_card(card, folder);

  const std::unique_ptr<Model> runnable = open_model(folder, context.threads);
  const auto measured =
      evaluate_model(*runnable, dataset, split, scored_groups(request, dataset.info()), context);
  if (!measured) return std::nullopt;
  for (const auto& [name, value] : measured->scores) {
    if (name == "reward") continue;
    model.scores[name] = value;
    card.metrics[name] = value;
  }
  for (const auto& [name, value] : costs) model.scores[name] = value;
  for (const auto& [name, untrained] : request.untrained) {
    const auto quality = untrained_quality(card, untrained, dataset, split, context);
    if (!quality) return std::nullopt;
    model.scores[name] = card.metrics[name] = *quality;
  }
  core::write_file_atomic(folder / "metrics.json", metrics_json(*measured, dataset.info()) + "\n");
  write_samples(*runnable, dataset, split, folder / "samples", request.options.samples);
  deploy::write_model_card(card, folder);
  model.seconds = std::get<double>(card.training.at("seconds"));
  fs::remove(folder / "checkpoint.safetensors");
  return model;
}

struct Training {
  std::optional<Trained> result;  // none when it was interrupted or failed
  std::exception_ptr failure;
};

std::vector<Training> train_side_by_side(std::span<const ModelJob> jobs,
                                         const data::Dataset& dataset,
                                         const Pictures& pictures,
                                         int at_once,
                                         const core::Context& context) {
  core::Context own = context;
  own.threads = std::max(1, context.threads / at_once);
  network::set_threads(own.threads);
  std::vector<Training> trainings(jobs.size());
  core::parallel_for(std::ssize(jobs), at_once, [&](std::int64_t i) {
    const auto& [request, folder] = jobs[static_cast<std::size_t>(i)];
    Training& training = trainings[static_cast<std::size_t>(i)];
    try {
      training.result = trained_network(request, dataset, pictures, folder, own);
    } catch (...) {
      training.failure = std::current_exception();
    }
  });
  network::set_threads(context.threads);
  return trainings;
}

}  // namespace

std::optional<study::FinalModel> make_model(const ModelRequest& request,
                                            const data::Dataset& dataset,
                                            const fs::path& folder,
                                            const core::Context& context) {
  std::optional<study::FinalModel> made;
  make_models({{request, folder}}, dataset, 1, context, [&](const auto& model) { made = model; });
  return made;
}

int trainings_at_once(const FinalOptions& options,
                      std::int64_t networks,
                      const core::Context& context) {
  if (options.at_once > 0) return options.at_once;
  if (context.device != "cpu") return 1;
  return static_cast<int>(std::clamp<std::int64_t>(networks, 1, context.threads));
}

bool make_models(const std::vector<ModelJob>& jobs,
                 const data::Dataset& dataset,
                 int at_once,
                 const core::Context& context,
                 const std::function<void(const study::FinalModel&)>& done) {
  if (jobs.empty()) return true;
  const Pictures pictures{train::load_samples(dataset, data::Split::kTrain, context),
                          train::load_samples(dataset, data::Split::kVal, context)};
  const std::size_t together = at_once > 1 ? jobs.size() : 1;
  std::exception_ptr failure;
  for (std::size_t first = 0; first < jobs.size(); first += together) {
    const std::span some = std::span(jobs).subspan(first, together);
    auto trainings = train_side_by_side(some, dataset, pictures, at_once, context);
    if (context.stop.requested()) return false;
    network::release_unused_tensor_memory();
    for (std::size_t i = 0; i < some.size(); ++i) {
      auto& [trained, error] = trainings[i];
      if (error && !failure) failure = error;
      if (!trained) continue;
      const auto model =
          finished_model(std::move(*trained), some[i].request, dataset, some[i].folder, context);
      if (!model) return false;
      done(*model);
    }
  }
  if (failure) std::rethrow_exception(failure);
  return true;
}

deploy::Parity export_model(const ExportRequest& request) {
  if (!deploy::OrtSession::available()) {
    core::throw_user_error("the export could not be checked: {}",
                           deploy::OrtSession::unavailable_reason());
  }
  LoadedNetwork loaded = load_network(request.model);
  deploy::ModelInterface interface = loaded.card.interface;
  if (request.picture) {
    interface.height = static_cast<int>(request.picture->height);
    interface.width = static_cast<int>(request.picture->width);
  }
  interface.output = request.output.value_or(interface.output);
  interface.normalise_inside = request.normalise_inside.value_or(interface.normalise_inside);
  const deploy::TrainedGraph folded =
      deploy::fold_batch_norm(loaded.network.graph(), loaded.network.save());
  deploy::export_onnx(folded.graph,
                      folded.weights,
                      {.interface = interface, .metadata = {{"genotype", loaded.card.genotype}}},
                      request.file);
  data::Image picture(interface.width, interface.height);
  core::Rng rng(1);
  for (std::uint8_t& value : picture.pixels) value = static_cast<std::uint8_t>(rng.below(256));
  return compare_in_runtime(loaded.network, {picture}, request.file, interface, 1);
}

}  // namespace parsimony::run
