// SPDX-License-Identifier: Apache-2.0
// How faithful cheap evaluations are: random candidates of a study are trained in full and
// validated after every epoch, then once more from another seed, and once more starting from the
// weights of those before them.
//
//   rank_fidelity STUDY.yaml [--candidates 30] [--arithmetic bf16] [--set NAME=VALUE]...
//
// Prints Kendall's tau between the rewards after each epoch, with and without inheritance, and
// those of the full evaluation, the tau between two full evaluations, which no cheaper one can be
// expected to beat, and what successive halving would have spent and lost on these candidates,
// averaged over orders of arrival. With --arithmetic they are evaluated in full in that arithmetic
// too, from the seeds of the first evaluation.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/metric/rank_correlation.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/run/preparation.h"
#include "parsimony/space/spaces.h"

namespace {

using namespace parsimony;

// What a candidate's full evaluation showed.
struct Curve {
  std::string genotype;
  double params = 0;
  std::vector<double> rewards;  // after each epoch, of one stage after the other
  std::vector<int> stages;
  std::vector<int> validations;  // index within the stage
};

std::vector<space::Tokens> random_candidates(const space::SearchSpace& space,
                                             const evaluate::Evaluator& evaluator,
                                             std::size_t count,
                                             core::Rng rng) {
  std::vector<space::Tokens> chosen;
  std::set<std::string> networks;
  while (chosen.size() < count) {
    const space::Tokens tokens = space::sample(space, rng);
    const evaluate::Prepared prepared = evaluator.prepare(tokens);
    if (!prepared.rejection && networks.insert(prepared.canonical_id).second)
      chosen.push_back(tokens);
  }
  return chosen;
}

// One curve per candidate, without rewards for those that failed. Trials are numbered from `first`
// on: the numbers are the seeds.
std::vector<Curve> measure(const char* what,
                           evaluate::Evaluator& evaluator,
                           const std::vector<space::Tokens>& candidates,
                           std::size_t first) {
  std::vector<Curve> curves(candidates.size());
  const core::StopFlag stop;
  core::parallel_for(
      static_cast<std::int64_t>(candidates.size()), core::available_cores(), [&](std::int64_t i) {
        const space::Tokens& tokens = candidates[static_cast<std::size_t>(i)];
        const evaluate::Prepared prepared = evaluator.prepare(tokens);
        Curve& curve = curves[static_cast<std::size_t>(i)];
        curve.genotype = prepared.genotype;
        curve.params = prepared.costs.at("params");
        const evaluate::Evaluation evaluation =
            evaluator.evaluate(static_cast<std::int64_t>(first) + i, tokens, stop);
        fmt::print(stderr, "{}: candidate {} of {}\n", what, i + 1, candidates.size());
        if (study::scores_of(evaluation.outcome) == nullptr) return;
        for (const study::Observation& seen : evaluation.observations) {
          curve.rewards.push_back(seen.value);
          curve.stages.push_back(seen.stage);
          curve.validations.push_back(seen.validation);
        }
      });
  return curves;
}

// Leaves out the candidates that failed in any of the runs.
void keep_complete(std::vector<std::vector<Curve>*> runs) {
  for (std::size_t i = runs[0]->size(); i-- > 0;) {
    const bool complete = std::all_of(
        runs.begin(), runs.end(), [i](const auto* run) { return !(*run)[i].rewards.empty(); });
    if (complete) continue;
    for (auto* run : runs) run->erase(run->begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::vector<double> rewards_after(const std::vector<Curve>& curves, std::size_t epochs) {
  std::vector<double> rewards;
  for (const Curve& curve : curves) rewards.push_back(curve.rewards[epochs - 1]);
  return rewards;
}

// What a rule spends and keeps when the candidates arrive one after the other.
struct Halving {
  double work = 0;        // share of all epochs that were trained
  double best_kept = 0;   // share of orders in which the candidate of the best reward is finished
  double front_kept = 0;  // share of the front of reward and parameters that is finished
};

Halving halve(const std::vector<Curve>& curves, train::EarlyStopOptions options, core::Rng rng) {
  constexpr int kOrders = 400;
  const std::size_t epochs = curves[0].rewards.size();
  std::vector<objective::Point> points;
  for (const Curve& curve : curves) points.push_back({-curve.rewards.back(), curve.params});
  const std::vector<std::size_t> front = objective::pareto_front(points);
  const auto best =
      static_cast<std::size_t>(std::min_element(points.begin(), points.end()) - points.begin());

  Halving sum;
  std::vector<std::size_t> order(curves.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (int o = 0; o < kOrders; ++o) {
    rng.shuffle(order);
    train::EarlyStop stop(options);
    std::vector<bool> finished(curves.size(), false);
    std::size_t trained = 0;
    for (const std::size_t i : order) {
      const Curve& curve = curves[i];
      const objective::Scores costs = {{"params", curve.params}, {"macs", 0}};
      std::size_t epoch = 0;
      bool goes_on = true;
      while (goes_on && epoch < epochs) {
        const train::Standing standing{
            curve.stages[epoch], curve.validations[epoch], curve.rewards[epoch], 0};
        ++epoch;
        goes_on = stop.decide(standing, costs);
      }
      trained += epoch;
      finished[i] = epoch == epochs;
    }
    sum.work += static_cast<double>(trained) / static_cast<double>(epochs * curves.size());
    sum.best_kept += finished[best] ? 1 : 0;
    double kept = 0;
    for (const std::size_t i : front) kept += finished[i] ? 1 : 0;
    sum.front_kept += kept / static_cast<double>(front.size());
  }
  return {sum.work / kOrders, sum.best_kept / kOrders, sum.front_kept / kOrders};
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

struct Runs {
  std::vector<Curve> full, again, inheriting;
  std::vector<Curve> other;  // in another arithmetic; empty where none is asked for
};

void print(const Runs& runs, const std::string& other_arithmetic, const core::Rng& rng) {
  const std::vector<Curve>& curves = runs.full;
  const std::size_t epochs = curves[0].rewards.size();
  const std::vector<double> full = rewards_after(curves, epochs);
  fmt::print(
      "\n{} candidates; Kendall's tau with the rewards of the full evaluation, and mean reward\n",
      curves.size());
  fmt::print("{:>8}{:>8}{:>12}{:>10}{:>14}{:>10}\n",
             "epochs",
             "work",
             "from zero",
             "reward",
             "inheriting",
             "reward");
  for (std::size_t e = 1; e <= epochs; ++e) {
    const std::vector<double> plain = rewards_after(curves, e);
    const std::vector<double> warm = rewards_after(runs.inheriting, e);
    fmt::print("{:>8}{:>7.0f}%{:>12.2f}{:>10.3f}{:>14.2f}{:>10.3f}\n",
               e,
               100.0 * static_cast<double>(e) / static_cast<double>(epochs),
               metric::kendall_tau(plain, full),
               mean(plain),
               metric::kendall_tau(warm, full),
               mean(warm));
  }
  const auto print_full = [&](const std::string& how, const std::vector<Curve>& others) {
    const std::vector<double> rewards = rewards_after(others, epochs);
    fmt::print("full evaluation {}: {:.2f}, mean reward {:.3f}\n",
               how,
               metric::kendall_tau(rewards, full),
               mean(rewards));
  };
  print_full("from another seed", runs.again);
  if (!runs.other.empty()) print_full("in " + other_arithmetic, runs.other);

  fmt::print(
      "\n{:<28}{:>10}{:>14}{:>14}\n", "successive halving", "work", "best kept", "front kept");
  for (const train::StopCost cost : {train::StopCost::kNone, train::StopCost::kParams}) {
    for (const double reduction : {2.0, 3.0, 4.0}) {
      const Halving result =
          halve(curves,
                {.rule = train::EarlyStopRule::kHalving, .reduction = reduction, .cost = cost},
                rng.split("orders"));
      fmt::print("{:<28}{:>9.0f}%{:>13.0f}%{:>13.0f}%\n",
                 fmt::format("one in {:.0f}, cost {}",
                             reduction,
                             train::kStopCostNames[static_cast<std::size_t>(cost)]),
                 100 * result.work,
                 100 * result.best_kept,
                 100 * result.front_kept);
    }
  }
}

int measure_study(int argc, char** argv) {
  std::string file;
  std::vector<std::string> settings;
  std::size_t candidates = 30;
  std::string other_arithmetic;
  CLI::App app(
      "Kendall's tau of cheap evaluations with full ones, on random candidates of a study.");
  app.add_option("STUDY", file, "study file (YAML)")->required();
  app.add_option("--candidates", candidates, "random candidates")
      ->capture_default_str()
      ->check(CLI::Range(2, 1000));
  app.add_option(
         "--arithmetic", other_arithmetic, "evaluate them in this arithmetic too: fp32 or bf16")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--set", settings, "NAME=VALUE overrides the study file")->allow_extra_args(false);
  CLI11_PARSE(app, argc, argv);

  run::StudyOptions options = run::read_study(file, settings);
  options.candidate.early_stop.rule = train::EarlyStopRule::kOff;
  options.candidate.stage0.validate_every = 1;
  options.candidate.stage1.validate_every = 1;
  evaluate::CandidateOptions other = options.candidate;
  if (!other_arithmetic.empty()) {
    other.arithmetic = other_arithmetic == "bf16" ? network::ArithmeticChoice::kBf16
                                                  : network::ArithmeticChoice::kFp32;
    network::arithmetic_of(other.arithmetic, at::kCPU);  // said before anything is trained
  }
  network::keep_tensor_memory();
  network::set_threads(core::available_cores());
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  const core::Context context{log, progress, stop, core::available_cores()};
  const auto dataset = run::open_study_data(options, context);
  const core::TemporaryFolder folder;
  const auto shared = run::prepare_study(options, *dataset, folder.path(), context);
  network::release_unused_tensor_memory();

  const auto space = space::make_space(options.space);
  const core::Rng rng(static_cast<std::uint64_t>(options.seed));
  evaluate::TrainAndMeasure evaluator(*space, shared, options.candidate, rng);
  evaluate::CandidateOptions inheriting = options.candidate;
  inheriting.inherit.enabled = true;
  evaluate::TrainAndMeasure heirs(*space, shared, inheriting, rng, folder.path() / "donors");
  network::set_threads(1);
  const std::vector<space::Tokens> chosen =
      random_candidates(*space, evaluator, candidates, rng.split("rank fidelity"));
  Runs runs;
  runs.full = measure("full", evaluator, chosen, 1);
  runs.again = measure("again", evaluator, chosen, candidates + 1);
  runs.inheriting = measure("inheriting", heirs, chosen, 2 * candidates + 1);
  std::vector<std::vector<Curve>*> all = {&runs.full, &runs.again, &runs.inheriting};
  if (!other_arithmetic.empty()) {
    evaluate::TrainAndMeasure converted(*space, shared, other, rng);
    runs.other = measure(other_arithmetic.c_str(), converted, chosen, 1);
    all.push_back(&runs.other);
  }
  keep_complete(all);
  if (runs.full.size() < 2) {
    fmt::print(
        stderr, "only {} of {} candidates could be evaluated\n", runs.full.size(), candidates);
    return 1;
  }
  print(runs, other_arithmetic, rng);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure_study(argc, argv);
  } catch (const parsimony::core::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
