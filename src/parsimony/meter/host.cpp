// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/host.h"

#include <sched.h>
#include <sys/utsname.h>

#include <chrono>
#include <exception>
#include <fstream>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/meter/turn_queue.h"
#include "parsimony/network/network.h"
#include "parsimony/network/threads.h"
#include "parsimony/objective/objective.h"

namespace parsimony::meter {
namespace {

using Clock = std::chrono::steady_clock;

// Keeps the calling thread on one core at a time.
class CoreChoice {
 public:
  CoreChoice() : known_(::sched_getaffinity(0, sizeof(all_), &all_) == 0) {}

  // The system moves a thread that may go anywhere to an idle core when it wakes up.
  void choose_again() const {
    if (!known_ || CPU_COUNT(&all_) < 2) return;
    ::sched_setaffinity(0, sizeof(all_), &all_);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const int core = ::sched_getcpu();
    if (core < 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
  }

 private:
  cpu_set_t all_;
  bool known_;
};

Measurement to_measurement(const Timing& timing, const MeterOptions& options) {
  Measurement result;
  result.median = timing.median;
  result.first_quartile = timing.first_quartile;
  result.third_quartile = timing.third_quartile;
  result.min = timing.min;
  result.repetitions = timing.repetitions;
  result.conditions.device = host_name();
  result.conditions.threads = options.threads;
  result.conditions.warm_up = timing.warm_up;
  result.note =
      fmt::format("over the quieter half of {} runs, in blocks (docs/latency.md)", timing.runs);
  return result;
}

class HostTorch final : public LatencyMeter {
 public:
  explicit HostTorch(const MeterOptions& options) : options_(options) {}
  std::string name() const override { return std::string(objective::kHostTorch); }

  Reading measure(const Subject& subject, const core::Context& context) override {
    if (subject.network() == nullptr) {
      core::throw_user_error(
          "host-torch needs a network's graph and weights, and {} is an ONNX file: use host-onnx, "
          "or name the model's folder",
          subject.description());
    }
    const TurnQueue::Turn turn(queue_, context.stop);
    if (!turn.granted()) return {ReadingEnd::kStopped, {}, {}};
    std::optional<Timing> timing;
    std::exception_ptr failure;
    const int threads = at::get_num_threads();
    // A thread of its own: what it is pinned to ends with it.
    std::thread([&] {
      try {
        timing = time_network(subject, context.stop);
      } catch (...) {
        failure = std::current_exception();
      }
    }).join();
    network::set_threads(threads);
    if (failure) std::rethrow_exception(failure);
    if (!timing) return {ReadingEnd::kStopped, {}, {}};
    Measurement result = to_measurement(*timing, options_);
    result.meter = name();
    result.conditions.runtime = "LibTorch " TORCH_VERSION;
    result.conditions.input = {
        channels_of(subject), subject.picture().height, subject.picture().width};
    return {ReadingEnd::kMeasured, std::move(result), {}};
  }

 private:
  static std::int64_t channels_of(const Subject& subject) {
    for (const graph::Node& node : subject.network()->graph.nodes) {
      if (const auto* input = std::get_if<graph::Input>(&node.layer)) return input->channels;
    }
    core::throw_internal_error("a network without an input");
  }

  std::optional<Timing> time_network(const Subject& subject, const core::StopFlag& stop) const {
    const at::NoGradGuard no_grad;
    network::set_threads(options_.threads);
    network::Network network(subject.network()->graph, core::Rng(1), {});
    network.load(subject.network()->weights, subject.description());
    const network::Tensor picture =
        at::rand({1, channels_of(subject), subject.picture().height, subject.picture().width})
            .contiguous(at::MemoryFormat::ChannelsLast);
    const auto run = [&] {
      const auto begin = Clock::now();
      network.logits({picture}, network::Phase::kEvaluation);
      return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    };
    const CoreChoice core;
    return time_runs(
        options_.timing,
        run,
        [&] {
          if (options_.threads == 1) core.choose_again();
        },
        stop);
  }

  MeterOptions options_;
  TurnQueue queue_;
};

class HostOnnx final : public LatencyMeter {
 public:
  explicit HostOnnx(const MeterOptions& options) : options_(options) {}
  std::string name() const override { return std::string(objective::kHostOnnx); }

  Reading measure(const Subject& subject, const core::Context& context) override {
    const std::filesystem::path file = subject.onnx();
    const TurnQueue::Turn turn(queue_, context.stop);
    if (!turn.granted()) return {ReadingEnd::kStopped, {}, {}};
    try {
      return measure_file(file, context.stop);
    } catch (const core::Error& error) {
      // A process that died or hangs; what is wrong with the file is the user's to know.
      if (error.kind() == core::ErrorKind::kUser) throw;
      return {ReadingEnd::kFailed, {}, error.what()};
    }
  }

 private:
  Reading measure_file(const std::filesystem::path& file, const core::StopFlag& stop) const {
    deploy::OrtSession session(file, {.threads = options_.threads});
    deploy::RuntimeArray picture{session.input().shape, {}};
    std::int64_t count = 1;
    for (std::size_t i = 0; i < picture.shape.size(); ++i) {
      // A free batch is one; nothing says how large a free picture should be.
      if (i == 0 && picture.shape[i] < 1) picture.shape[i] = 1;
      if (picture.shape[i] < 1) {
        core::throw_user_error(
            "{}: its input has extents that are not fixed, [{}]; export it for "
            "one size of picture",
            file.string(),
            fmt::join(picture.shape, ", "));
      }
      count *= picture.shape[i];
    }
    core::Rng rng(1);
    for (std::int64_t i = 0; i < count; ++i)
      picture.values.push_back(static_cast<float>(rng.uniform()));
    const std::optional<Timing> timing = time_runs(
        options_.timing, [&] { return 1e3 * session.run(picture).seconds; }, [] {}, stop);
    if (!timing) return {ReadingEnd::kStopped, {}, {}};
    Measurement result = to_measurement(*timing, options_);
    result.meter = name();
    result.conditions.runtime = session.runtime();
    result.conditions.input = {picture.shape.begin() + 1, picture.shape.end()};
    result.conditions.batch = static_cast<int>(picture.shape.at(0));
    return {ReadingEnd::kMeasured, std::move(result), {}};
  }

  MeterOptions options_;
  TurnQueue queue_;
};

}  // namespace

std::string host_name() {
  // Boards name themselves in the device tree, processors in cpuinfo.
  std::string name;
  std::ifstream tree("/proc/device-tree/model");
  if (std::getline(tree, name, '\0') && !name.empty()) return name;
  std::ifstream processors("/proc/cpuinfo");
  for (std::string line; std::getline(processors, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos)
      return std::string(core::trim(line.substr(colon + 1)));
  }
  utsname system{};
  return ::uname(&system) == 0 ? system.machine : "this host";
}

std::unique_ptr<LatencyMeter> make_host_torch(const std::string&, const MeterOptions& options) {
  return std::make_unique<HostTorch>(options);
}

std::unique_ptr<LatencyMeter> make_host_onnx(const std::string&, const MeterOptions& options) {
  if (const std::string reason = deploy::OrtSession::unavailable_reason(); !reason.empty())
    throw core::Error(core::ErrorKind::kUser, reason);
  return std::make_unique<HostOnnx>(options);
}

}  // namespace parsimony::meter
