// SPDX-License-Identifier: Apache-2.0
// How many candidates an hour System A's stage 0 evaluates, by a deliberately plain path and by the
// default one, on the same data, epochs and seeds, in one run. --help names the settings.
//
// Plain: the published way. Contiguous fp32 tensors, LibTorch's own operations, one candidate at a
// time on all cores, nothing simplified, all auxiliary branches run at validation, validation
// pictures through the encoder. Default: evaluate::TrainAndMeasure, one candidate per core or as
// many as --workers says. Each path runs in a process of its own, so that peak memory, which is the
// host's, is its own too. With --device both train there.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
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
#include "parsimony/network/device.h"
#include "parsimony/network/pixel_classes.h"
#include "parsimony/network/simd/loops.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/task/segmentation.h"
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
  std::int64_t batch = 32;
  int seeds = 1;
  std::string only;  // "plain" or "default": that path alone
  network::ArithmeticChoice arithmetic =
      evaluate::CandidateOptions{}.arithmetic;  // of the default path
  std::string device = "cpu";
  std::vector<int> workers = {core::available_cores()};  // of the default path, one after another
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
  // A random encoder whose batch norms have seen pictures: features of natural size, which decoders
  // can learn from, without a file of weights.
  Network encoder(evaluate::encoder_graph({}, space::kEncoderTaps), core::Rng(1), {});
  const at::NoGradGuard no_grad;
  constexpr std::size_t kPictures = 8;
  constexpr int kPasses = 40;  // 0.9^40 of the initial statistics is left
  for (int pass = 0; pass < kPasses; ++pass) {
    const std::size_t first = pass * kPictures % (workload.samples.size() - kPictures + 1);
    const auto begin = workload.samples.begin() + static_cast<std::ptrdiff_t>(first);
    encoder.forward({train::to_batch({begin, begin + kPictures}).pictures},
                    network::Phase::kTraining);
  }
  workload.encoder = encoder.save();
  return workload;
}

train::FeatureBatch cache(const Workload& workload,
                          bool training,
                          train::CachePrecision precision,
                          at::Device device) {
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  Network encoder(
      evaluate::encoder_graph({}, space::kEncoderTaps), core::Rng(1), {.device = device});
  encoder.load(workload.encoder, "the benchmark's encoder");
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
  options.batch = setting.batch;
  options.augment.crop = setting.crop;
  return options;
}

const graph::NetworkDescription kDescription{{}, {}, data::kPartCount};

// As TrainAndMeasure(..., Rng(1)) splits it for a trial of this number.
core::Rng candidate_stream(int seed) {
  return core::Rng(1).split("candidate").split(static_cast<std::uint64_t>(seed));
}

struct Measured {
  double training_seconds = 0;
  double seconds = 0;  // in all
  double reward = 0;
};

Measured plain_candidate(const Setting& setting,
                         const Workload& workload,
                         const train::FeatureBatch& features,
                         const char* genotype,
                         int seed,
                         at::Device device) {
  const graph::LoweredNetwork lowered =
      graph::lower(space::parse_cell_genotype(genotype), kDescription);
  std::vector<graph::CutPoint> cuts;
  for (const graph::Tap& tap : lowered.taps) cuts.push_back({tap.node, tap.stride});
  const core::StopFlag stop;
  const core::Rng rng = candidate_stream(seed);
  const auto start = Clock::now();
  Network decoder(graph::subgraph(lowered.graph, cuts, lowered.graph.outputs),
                  rng.split("weights"),
                  {.kernels = network::Kernels::kReference, .device = device});
  train::train_stage0(decoder,
                      {0, 1, 2, 3},
                      features,
                      {},
                      task::Segmentation(kDescription.classes),
                      stage0(setting),
                      rng,
                      {stop, std::nullopt},
                      [](int, int, const objective::Scores&) { return true; });
  Measured measured;
  measured.training_seconds = seconds_since(start);

  const at::NoGradGuard no_grad;
  Network encoder(evaluate::encoder_graph({}, space::kEncoderTaps),
                  core::Rng(1),
                  {.kernels = network::Kernels::kReference, .device = device});
  encoder.load(workload.encoder, "the benchmark's encoder");
  metric::ConfusionMatrix matrix(kDescription.classes);
  for (std::size_t i = 0; i < workload.views.size(); i += 8) {
    const auto last = std::min(workload.views.size(), i + 8);
    const train::Batch batch =
        train::to_batch({workload.views.begin() + static_cast<std::ptrdiff_t>(i),
                         workload.views.begin() + static_cast<std::ptrdiff_t>(last)});
    const Tensor& labels = batch.labels.classes;
    const std::vector<Tensor> taps =
        encoder.forward({batch.pictures.contiguous()}, network::Phase::kEvaluation);
    const Tensor logits = decoder.forward(taps, network::Phase::kEvaluation)[0];
    const Tensor classes =
        network::pixel_classes(logits, labels.size(1), labels.size(2), network::Kernels::kReference)
            .to(at::kCPU);
    matrix.add(labels.data_ptr<std::uint8_t>(), classes.data_ptr<std::uint8_t>(), classes.numel());
  }
  measured.seconds = seconds_since(start);
  measured.reward = metric::reward(matrix, {}).value;
  return measured;
}

// Adds a candidate of one seed to what is known of its genotype.
void record(nlohmann::json& path, const char* name, const Measured& measured) {
  nlohmann::json& of = path["candidates"][name];
  of["rewards"].push_back(measured.reward);
  of["training_seconds"] = of.value("training_seconds", 0.0) + measured.training_seconds;
  of["seconds"] = of.value("seconds", 0.0) + measured.seconds;
}

nlohmann::json plain_path(const Setting& setting) {
  network::set_threads(core::available_cores(), core::available_cores());
  const at::Device device = network::device_of(setting.device);
  const Workload workload = make_workload(setting);
  train::FeatureBatch features = cache(workload, true, train::CachePrecision::kFloat32, device);
  for (Tensor& tap : features.taps) tap = tap.contiguous();
  nlohmann::json result;
  double seconds = 0;
  for (int seed = 1; seed <= setting.seeds; ++seed) {
    for (const auto& [name, text] : kGenotypes) {
      const Measured measured = plain_candidate(setting, workload, features, text, seed, device);
      record(result, name, measured);
      seconds += measured.seconds;
    }
  }
  seconds /= static_cast<double>(setting.seeds * std::size(kGenotypes));
  nlohmann::json run = {{"at_once", 1}, {"seconds_per_candidate", seconds}};
  for (const auto& [name, of] : result["candidates"].items())
    run["seconds_of"][name] = of["seconds"].get<double>() / setting.seeds;
  result["runs"].push_back(run);
  return result;
}

// Each genotype by `workers` threads at once: seconds per candidate, of each and on average.
nlohmann::json candidates_at_once(evaluate::TrainAndMeasure& evaluator, int workers) {
  const space::CellSpace space;
  const core::StopFlag stop;
  nlohmann::json run = {{"at_once", workers}};
  double sum = 0;
  for (const auto& [name, text] : kGenotypes) {
    const auto start = Clock::now();
    std::vector<std::jthread> threads;
    for (int w = 0; w < workers; ++w)
      threads.emplace_back(
          [&, genotype = text] { evaluator.evaluate(1, space.parse(genotype), stop); });
    threads.clear();
    const double seconds = seconds_since(start) / workers;
    run["seconds_of"][name] = seconds;
    sum += seconds;
  }
  run["seconds_per_candidate"] = sum / static_cast<double>(std::size(kGenotypes));
  return run;
}

// How many times as many candidates an hour a run gives as another: the geometric mean over the
// genotypes, so that the slowest does not decide alone.
double ratio_of(const nlohmann::json& run, const nlohmann::json& other) {
  double sum = 0;
  for (const auto& [name, seconds] : run["seconds_of"].items())
    sum += std::log(other["seconds_of"][name].get<double>() / seconds.get<double>());
  return std::exp(sum / static_cast<double>(std::size(kGenotypes)));
}

nlohmann::json default_path(const Setting& setting) {
  const Workload workload = make_workload(setting);
  auto shared = std::make_shared<evaluate::SharedData>();
  shared->task = std::make_shared<task::Segmentation>(data::kPartCount);
  shared->description = kDescription;
  shared->costs = evaluate::Costs({setting.crop, setting.crop});
  shared->encoder_weights = workload.encoder;
  shared->device = network::device_of(setting.device);
  constexpr auto kHalf = train::CachePrecision::kFloat16;
  shared->features = cache(workload, true, kHalf, shared->device);
  shared->validation_features = {cache(workload, false, kHalf, shared->device)};
  network::release_unused_tensor_memory();
  evaluate::CandidateOptions options;
  options.stage0 = stage0(setting);
  options.stage1.epochs = 0;
  options.arithmetic = setting.arithmetic;
  const space::CellSpace space;
  const core::StopFlag stop;
  evaluate::TrainAndMeasure evaluator(space, shared, options, core::Rng(1));
  network::set_threads(1);  // as in a study: candidates are what runs in parallel

  nlohmann::json result;
  // Alone, for the same kind of figure as the plain path's; then all cores at once, for the rate.
  // Candidates run in threads of their own, as in a study.
  std::jthread([&] {
    for (int seed = 1; seed <= setting.seeds; ++seed) {
      for (const auto& [name, text] : kGenotypes) {
        const auto start = Clock::now();
        const evaluate::Evaluation evaluation = evaluator.evaluate(seed, space.parse(text), stop);
        const double seconds = seconds_since(start);
        record(
            result, name, {seconds, seconds, study::scores_of(evaluation.outcome)->at("reward")});
      }
    }
  }).join();
  result["arithmetic"] = network::name_of(evaluator.arithmetic());
  for (const int workers : setting.workers)
    result["runs"].push_back(candidates_at_once(evaluator, workers));
  return result;
}

// The rate of the best-suited convolution, which is what "peak" means here: 3x3, 64 to 64 channels,
// forward.
double convolution_peak(const std::string& device_name) {
  const at::NoGradGuard no_grad;
  network::set_threads(1);
  const at::Device device = network::device_of(device_name);
  double best = 0;
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Tensor x = at::ones({8, 64, 64, 64}).to(device).contiguous(format);
    const Tensor w = at::ones({64, 64, 3, 3}).to(device).contiguous(format);
    for (int i = 0; i < 8; ++i) {
      const auto start = Clock::now();
      at::conv2d(x, w, {}, 1, 1);
      network::wait_for(device);
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
    network::keep_tensor_memory();
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

// "0.512 +- 0.003", the deviation that of single runs.
std::string mean_and_deviation(const nlohmann::json& values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  const auto n = static_cast<double>(values.size());
  const double mean = sum / n;
  if (values.size() < 2) return fmt::format("{:.4f}", mean);
  const double variance = std::max(0.0, (squares - n * mean * mean) / (n - 1));
  return fmt::format("{:.4f} +- {:.4f}", mean, std::sqrt(variance));
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  CLI::App app("Candidates per hour of System A's stage 0: the plain path and the default one.");
  app.add_option("--samples", setting.samples, "crops in the feature cache")
      ->capture_default_str()
      ->check(CLI::Range(8, 1 << 20));
  app.add_option("--epochs", setting.epochs, "passes over them")->capture_default_str();
  app.add_option("--validation", setting.validation, "validation pictures")->capture_default_str();
  app.add_option("--crop", setting.crop, "side of pictures, pixels")->capture_default_str();
  app.add_option("--batch", setting.batch, "batch size")->capture_default_str();
  app.add_option("--seeds", setting.seeds, "seeds per genotype")->capture_default_str();
  app.add_option("--only", setting.only, "measure one path")
      ->check(CLI::IsMember({"plain", "default"}));
  std::map<std::string, network::ArithmeticChoice> arithmetics;
  for (std::size_t i = 0; i < network::kArithmeticChoiceNames.size(); ++i)
    arithmetics.emplace(network::kArithmeticChoiceNames[i],
                        static_cast<network::ArithmeticChoice>(i));
  app.add_option("--arithmetic", setting.arithmetic, "of the default path: auto, fp32, bf16")
      ->transform(CLI::CheckedTransformer(arithmetics));
  app.add_option("--device", setting.device, "where networks are trained: cpu, cuda, cuda:N")
      ->capture_default_str();
  app.add_option(
         "--workers", setting.workers, "candidates of the default path at once, one or more")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096));
  CLI11_PARSE(app, argc, argv);

  const double peak =
      in_own_process([&] { return convolution_peak(setting.device); }).get<double>();
  std::vector<std::pair<const char*, nlohmann::json>> paths;
  if (setting.only != "default")
    paths.emplace_back("plain", in_own_process([&] { return plain_path(setting); }));
  if (setting.only != "plain")
    paths.emplace_back("default", in_own_process([&] { return default_path(setting); }));

  fmt::print(
      "{} samples of {} pixels, {} epochs, {} validation pictures, batch {}, width 48, auxiliary cells, seeds per genotype: {}; {} cores, kernels {}\n",
      setting.samples,
      setting.crop,
      setting.epochs,
      setting.validation,
      setting.batch,
      setting.seeds,
      core::available_cores(),
      network::simd::loops().level);
  fmt::print("convolution peak {:.1f} GFLOP/s ({})\n\n",
             peak / 1e9,
             setting.device == "cpu" ? "one core" : setting.device);
  for (const auto& [name, path] : paths) {
    if (path.contains("arithmetic"))
      fmt::print("the {} path's arithmetic is {}\n\n", name, path["arithmetic"].get<std::string>());
  }
  fmt::print("{:<10}{:<10}{:>12}{:>16}{:>20}\n",
             "genotype",
             "path",
             "images/s",
             "share of peak",
             "reward");
  for (const auto& [name, text] : kGenotypes) {
    for (const auto& [path, result] : paths) {
      const nlohmann::json& of = result["candidates"][name];
      const double rate = static_cast<double>(setting.samples * setting.epochs * setting.seeds) /
                          of["training_seconds"].get<double>();
      const bool all_cores = path == std::string("plain") && setting.device == "cpu";
      const double cores = all_cores ? core::available_cores() : 1;
      fmt::print("{:<10}{:<10}{:>12.1f}{:>15.0f}%{:>20}\n",
                 name,
                 path,
                 rate,
                 100 * rate * 2 * training_macs(text, setting.crop) / peak / cores,
                 mean_and_deviation(of["rewards"]));
    }
  }
  fmt::print("\n{:<10}{:>10}{:>16}{:>16}{:>20}{:>16}\n",
             "path",
             "at once",
             "candidates/h",
             "ratio",
             "mean of genotypes",
             "peak memory");
  const auto per_hour = [](const nlohmann::json& run) {
    return 3600.0 / run["seconds_per_candidate"].get<double>();
  };
  for (const auto& [name, path] : paths) {
    for (const nlohmann::json& run : path["runs"]) {
      const nlohmann::json& first = paths[0].second["runs"][0];
      fmt::print("{:<10}{:>10}{:>16.1f}{:>16.2f}{:>20.2f}{:>16}\n",
                 name,
                 run["at_once"].get<int>(),
                 per_hour(run),
                 per_hour(run) / per_hour(first),
                 ratio_of(run, first),
                 core::human_bytes(path["peak_bytes"].get<double>()));
    }
  }
  return 0;
}
