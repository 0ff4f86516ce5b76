// SPDX-License-Identifier: Apache-2.0
// How many candidates an hour System A's stage 0 evaluates, by a deliberately plain path and by the
// default one, on the same data, epochs and seeds, in one run:
//
//   candidate_throughput [samples] [epochs] [validation pictures] [crop]
//
// Plain: the published way. Contiguous fp32 tensors, LibTorch's own operations, one candidate at a
// time on all cores, nothing simplified, all auxiliary branches run at validation, validation
// pictures through the encoder. Default: evaluate::TrainAndMeasure, one candidate per core. Each
// path runs in a process of its own, so that peak memory is its own too.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/core/text.h"
#include "parsimony/data/synth.h"
#include "parsimony/evaluate/train_and_measure.h"
#include "parsimony/graph/cost.h"
#include "parsimony/network/simd/loops.h"
#include "parsimony/network/threads.h"
#include "parsimony/train/measure.h"

namespace {

using namespace parsimony;
using Clock = std::chrono::steady_clock;
using network::Network;
using network::Tensor;

struct Setting {
  std::int64_t samples = 192;
  int epochs = 2;
  std::int64_t validation = 24;
  std::int64_t crop = 256;
};

constexpr std::pair<const char*, const char*> kGenotypes[] = {
    {"arch0", "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]"},
    {"arch1", "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]"},
    {"EG1800-M", "[[1,[1,0,3,9],[2,3,4,9],[2,1,1,1]],[[1,3],[2,0],[0,3]]]"},
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Workload {
  std::vector<data::Sample> samples, views;
  weights::ArrayMap encoder;
};

Workload make_workload(const Setting& setting) {
  data::SynthOptions synth;
  synth.train = setting.samples;
  synth.val = setting.validation;
  synth.test = 1;
  synth.width = synth.height = setting.crop;
  const data::MemoryDataset dataset = data::make_synthetic_dataset(synth, core::available_cores());
  Workload workload;
  for (std::int64_t i = 0; i < synth.train; ++i)
    workload.samples.push_back(dataset.read(data::Split::kTrain, i));
  for (std::int64_t i = 0; i < synth.val; ++i)
    workload.views.push_back(dataset.read(data::Split::kVal, i));
  // Timing does not need trained weights; a fixed random encoder gives every path the same
  // features.
  workload.encoder =
      Network(evaluate::encoder_graph({}, space::kEncoderTaps), core::Rng(1), {}).save();
  return workload;
}

train::FeatureBatch cache(const Workload& workload,
                          bool training,
                          train::CachePrecision precision) {
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  Network encoder(evaluate::encoder_graph({}, space::kEncoderTaps), core::Rng(1), {});
  const auto& pictures = training ? workload.samples : workload.views;
  train::CacheRequest request;
  request.count = static_cast<std::int64_t>(pictures.size());
  request.make = [&](std::int64_t i) { return pictures[static_cast<std::size_t>(i)]; };
  request.labels_at_tap = training;
  request.precision = precision;
  return train::build_cache(
      encoder, nullptr, request, {log, progress, stop, core::available_cores()});
}

train::Stage0Options stage0(const Setting& setting) {
  train::Stage0Options options;
  options.epochs = setting.epochs;
  options.validate_every = setting.epochs;
  options.samples = setting.samples;
  options.batch = 32;
  options.augment.crop = setting.crop;
  return options;
}

const evaluate::NetworkDescription kDescription{{}, {}, data::kPartCount};

nlohmann::json plain_path(const Setting& setting) {
  const Workload workload = make_workload(setting);
  train::FeatureBatch features = cache(workload, true, train::CachePrecision::kFloat32);
  for (Tensor& tap : features.taps) tap = tap.contiguous();
  const core::StopFlag stop;
  nlohmann::json result;
  for (const auto& [name, text] : kGenotypes) {
    const graph::LoweredNetwork lowered = graph::lower(space::parse_cell_genotype(text),
                                                       kDescription.encoder,
                                                       kDescription.decoder,
                                                       kDescription.classes);
    std::vector<graph::CutPoint> cuts;
    for (const graph::Tap& tap : lowered.taps) cuts.push_back({tap.node, tap.stride});
    const core::Rng rng = core::Rng(1).split("candidate").split(1);
    Network decoder(graph::subgraph(lowered.graph, cuts, lowered.graph.outputs),
                    rng.split("weights"),
                    {.kernels = network::Kernels::kReference});
    auto start = Clock::now();
    train::train_stage0(decoder,
                        {0, 1, 2, 3},
                        features,
                        {},
                        kDescription.classes,
                        {},
                        stage0(setting),
                        rng,
                        {stop, std::nullopt},
                        [](int, int, const objective::Scores&) { return true; });
    const double training = seconds_since(start);

    start = Clock::now();
    const at::NoGradGuard no_grad;
    Network encoder(evaluate::encoder_graph({}, space::kEncoderTaps),
                    core::Rng(1),
                    {.kernels = network::Kernels::kReference});
    metric::ConfusionMatrix matrix(kDescription.classes);
    for (std::size_t i = 0; i < workload.views.size(); i += 8) {
      const auto last = std::min(workload.views.size(), i + 8);
      const train::Batch batch =
          train::to_batch({workload.views.begin() + static_cast<std::ptrdiff_t>(i),
                           workload.views.begin() + static_cast<std::ptrdiff_t>(last)});
      const std::vector<Tensor> taps =
          encoder.forward({batch.pictures.contiguous()}, network::Phase::kEvaluation);
      const Tensor logits = decoder.forward(taps, network::Phase::kEvaluation)[0];
      const Tensor classes =
          train::predict_classes(logits, batch.labels.size(1), batch.labels.size(2));
      matrix.add(
          batch.labels.data_ptr<std::uint8_t>(), classes.data_ptr<std::uint8_t>(), classes.numel());
    }
    const double validation = seconds_since(start);
    result["candidates"].push_back(
        {{"name", name},
         {"images_per_second", static_cast<double>(setting.samples * setting.epochs) / training},
         {"seconds", training + validation},
         {"reward", metric::reward(matrix, {}).value}});
    result["seconds"] = result.value("seconds", 0.0) + training + validation;
  }
  return result;
}

nlohmann::json default_path(const Setting& setting) {
  const Workload workload = make_workload(setting);
  auto shared = std::make_shared<evaluate::SharedData>();
  shared->description = kDescription;
  shared->picture = {setting.crop, setting.crop};
  shared->encoder_weights = workload.encoder;
  shared->features = cache(workload, true, train::CachePrecision::kFloat16);
  shared->validation_features = {cache(workload, false, train::CachePrecision::kFloat16)};
  evaluate::CandidateOptions options;
  options.stage0 = stage0(setting);
  options.stage1.epochs = 0;
  const space::CellSpace space;
  const core::StopFlag stop;
  evaluate::TrainAndMeasure evaluator(space, shared, options, core::Rng(1));
  network::set_threads(1);  // as in a study: candidates are what runs in parallel

  nlohmann::json result;
  // Alone, for the same kind of figure as the plain path's; then all cores at once, for the rate.
  for (const auto& [name, text] : kGenotypes) {
    const auto start = Clock::now();
    const evaluate::Evaluation evaluation = evaluator.evaluate(1, space.parse(text), stop);
    const double seconds = seconds_since(start);
    result["candidates"].push_back(
        {{"name", name},
         {"images_per_second", static_cast<double>(setting.samples * setting.epochs) / seconds},
         {"seconds", seconds},
         {"reward", study::scores_of(evaluation.outcome)->at("reward")}});
  }
  const int workers = core::available_cores();
  const auto start = Clock::now();
  std::vector<std::jthread> threads;
  for (int w = 0; w < workers; ++w) {
    threads.emplace_back([&] {
      for (const auto& [name, text] : kGenotypes) evaluator.evaluate(1, space.parse(text), stop);
    });
  }
  threads.clear();
  result["seconds"] = seconds_since(start) / workers;
  return result;
}

// The rate of the best-suited convolution, which is what "peak" means here: 3x3, 64 to 64 channels,
// forward.
double convolution_peak() {
  const at::NoGradGuard no_grad;
  network::set_threads(1);
  double best = 0;
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Tensor x = at::ones({8, 64, 64, 64}).contiguous(format);
    const Tensor w = at::ones({64, 64, 3, 3}).contiguous(format);
    for (int i = 0; i < 8; ++i) {
      const auto start = Clock::now();
      at::conv2d(x, w, {}, 1, 1);
      best = std::max(best, 2.0 * 8 * 64 * 64 * 64 * 64 * 9 / seconds_since(start));
    }
  }
  return best;
}

// Runs `path` in a child process; its result and its peak memory.
template <typename Path>
nlohmann::json in_own_process(Path path) {
  const core::TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    network::keep_freed_memory();
    network::set_threads(core::available_cores());
    core::write_file_atomic(folder.path() / "result.json", nlohmann::json(path()).dump());
    ::_exit(0);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fmt::print(stderr, "a measured process failed\n");
    std::exit(1);
  }
  nlohmann::json result =
      nlohmann::json::parse(core::read_text_file(folder.path() / "result.json"));
  if (result.is_object()) result["peak_bytes"] = static_cast<double>(usage.ru_maxrss) * 1024;
  return result;
}

double training_macs(const char* text, std::int64_t crop) {
  const graph::Graph whole =
      evaluate::candidate_graphs(space::parse_cell_genotype(text), kDescription).whole;
  const graph::SectionCounts macs = graph::count_macs(whole, {crop, crop});
  return 3.0 *
         static_cast<double>(macs.decoder + macs.auxiliary);  // forward and two backward products
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  if (argc > 1) setting.samples = std::atoll(argv[1]);
  if (argc > 2) setting.epochs = std::atoi(argv[2]);
  if (argc > 3) setting.validation = std::atoll(argv[3]);
  if (argc > 4) setting.crop = std::atoll(argv[4]);

  const double peak = in_own_process(convolution_peak).get<double>();
  const nlohmann::json plain = in_own_process([&] { return plain_path(setting); });
  const nlohmann::json fast = in_own_process([&] { return default_path(setting); });

  const int cores = core::available_cores();
  fmt::print(
      "{} samples of {} pixels, {} epochs, {} validation pictures, batch 32, width 48, auxiliary cells; {} cores, "
      "kernels {}\n",
      setting.samples,
      setting.crop,
      setting.epochs,
      setting.validation,
      cores,
      network::simd::loops().level);
  fmt::print("convolution peak {:.1f} GFLOP/s per core\n\n", peak / 1e9);
  fmt::print("{:<10}{:>26}{:>26}{:>16}{:>16}{:>12}\n",
             "",
             "plain images/s (all cores)",
             "default images/s (1 core)",
             "share of peak",
             "plain reward",
             "default");
  for (std::size_t i = 0; i < std::size(kGenotypes); ++i) {
    const auto& p = plain["candidates"][i];
    const auto& f = fast["candidates"][i];
    const double rate = f["images_per_second"].get<double>();
    const double share = rate * 2 * training_macs(kGenotypes[i].second, setting.crop) / peak;
    fmt::print("{:<10}{:>26.1f}{:>26.1f}{:>15.0f}%{:>16.4f}{:>12.4f}\n",
               kGenotypes[i].first,
               p["images_per_second"].get<double>(),
               rate,
               100 * share,
               p["reward"].get<double>(),
               f["reward"].get<double>());
  }
  const auto per_hour = [](const nlohmann::json& path) {
    return 3600.0 * std::size(kGenotypes) / path["seconds"].get<double>();
  };
  fmt::print("\n{:<10}{:>16}{:>16}{:>16}\n", "path", "candidates/h", "ratio", "peak memory");
  for (const auto& [name, path] : {std::pair("plain", plain), std::pair("default", fast)}) {
    fmt::print("{:<10}{:>16.1f}{:>16.2f}{:>16}\n",
               name,
               per_hour(path),
               per_hour(path) / per_hour(plain),
               core::human_bytes(path["peak_bytes"].get<double>()));
  }
  return 0;
}
