// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/data/synth.h"
#include "parsimony/evaluate/fake.h"
#include "parsimony/evaluate/train_and_measure.h"
#include "parsimony/network/device.h"
#include "parsimony/task/segmentation.h"

namespace parsimony::evaluate {
namespace {

constexpr std::int64_t kSide = 64;

std::shared_ptr<const SharedData> make_shared_data(at::Device device) {
  auto data = std::make_shared<SharedData>();
  data->device = device;
  data->description = {{.name = "small"}, {.width = 8, .auxiliary_cells = true}, data::kPartCount};
  data->task = std::make_shared<task::Segmentation>(data::kPartCount);
  data->costs = Costs({kSide, kSide});
  data::SynthOptions synth;
  synth.train = 16;
  synth.val = 6;
  synth.test = 1;
  synth.width = synth.height = kSide;
  const data::MemoryDataset dataset = data::make_synthetic_dataset(synth, 1);
  for (std::int64_t i = 0; i < 16; ++i)
    data->samples.push_back(dataset.read(data::Split::kTrain, i));
  for (std::int64_t i = 0; i < 6; ++i)
    data->validation_views.push_back(dataset.read(data::Split::kVal, i));
  network::Network encoder(encoder_graph(data->description.encoder, space::kEncoderTaps),
                           core::Rng(1),
                           {.device = device});
  data->encoder_weights = encoder.save();
  core::SilentLog log;
  core::SilentProgress progress;
  static const core::StopFlag stop;
  const core::Context context{log, progress, stop, 1};
  const auto cache = [&](const std::vector<data::Sample>& samples, bool training) {
    train::CacheRequest request;
    request.count = static_cast<std::int64_t>(samples.size());
    request.make = [&](std::int64_t i) { return samples[static_cast<std::size_t>(i)]; };
    request.labels_at_tap = training;
    return train::build_cache(encoder, nullptr, request, context);
  };
  data->features = cache(data->samples, true);
  data->validation_features = {cache(data->validation_views, false)};
  return data;
}

std::shared_ptr<const SharedData> shared_data() {
  static const std::shared_ptr<const SharedData> shared = make_shared_data(at::kCPU);
  return shared;
}

CandidateOptions quick(int stage1_epochs) {
  CandidateOptions options;
  options.stage0.epochs = 2;
  options.stage0.validate_every = 1;
  options.stage0.batch = 8;
  options.stage1.epochs = stage1_epochs;
  options.stage1.batch = 8;
  options.stage1.augment = {.crop = kSide, .shorter_side = kSide};
  options.early_stop.rule = train::EarlyStopRule::kOff;
  return options;
}

const space::CellSpace& cells() {
  static const space::CellSpace space;
  return space;
}

const char* const kGenotype = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";

double reward_of(const Evaluation& evaluation) {
  return study::scores_of(evaluation.outcome)->at("reward");
}

TEST(TrainAndMeasure, PreparesCostsAndIdentityWithoutTraining) {
  TrainAndMeasure evaluator(cells(), shared_data(), quick(0), core::Rng(1));
  const Prepared prepared = evaluator.prepare(cells().parse(kGenotype));
  EXPECT_EQ(prepared.genotype, kGenotype);
  EXPECT_EQ(prepared.canonical_id.size(), 16u);
  EXPECT_GT(prepared.costs.at("params"), 0);
  EXPECT_GT(prepared.costs.at("macs"), prepared.costs.at("params"));
  EXPECT_FALSE(prepared.rejection);
}

// The features of two taps that its decoder does not read do no harm.
TEST(TrainAndMeasure, TrainsTemplates) {
  const space::TemplateSpace templates;
  const space::Tokens tokens = templates.parse(
      "[[[1,1,0],[1,3,0],[3,4,0]],"
      "[[1,1,0,0,0],[0,1,1,1,1],[3,1,2,3,0],[3,0,2,2,0],[0,1,2,0,0],[2,1,1,3,0],[4,0,2,2,0]]]");
  const core::StopFlag stop;
  TrainAndMeasure evaluator(templates, shared_data(), quick(1), core::Rng(1));
  const Evaluation evaluation = evaluator.evaluate(1, tokens, stop);
  EXPECT_TRUE(std::holds_alternative<study::Scored>(evaluation.outcome));
  EXPECT_EQ(evaluation.observations.size(), 3u);
  EXPECT_FALSE(evaluator.prepare(tokens).rejection);
}

TEST(TrainAndMeasure, RejectsConstantNetworksAndThoseOverALimit) {
  auto strict = std::make_shared<SharedData>(*shared_data());
  strict->costs = Costs({kSide, kSide},
                        {.devices = {"gap8"}, .measured = {}, .constraints = {"params <= 1000"}});
  TrainAndMeasure evaluator(cells(), strict, quick(0), core::Rng(1));
  const Prepared big = evaluator.prepare(cells().parse(kGenotype));
  ASSERT_TRUE(big.rejection);
  EXPECT_NE(big.rejection->why.find("breaks the constraint params <= 1000: params is "),
            std::string::npos)
      << big.rejection->why;
  EXPECT_GT(big.costs.at("latency_ms.gap8"), 0);
  const Prepared nothing = evaluator.prepare(
      cells().parse("[[10,[0,0,10,10],[0,0,10,10],[0,0,10,10]],[[0,0],[0,0],[0,0]]]"));
  ASSERT_TRUE(nothing.rejection);
  EXPECT_TRUE(nothing.rejection->scores.empty());
}

// A study's device that is a shell script, answering with `answer`.
class FakeBoard {
 public:
  explicit FakeBoard(const std::string& answer, const std::string& more = "") {
    core::write_file_atomic(file(),
                            fmt::format("name: board\ncommand: [sh, -c, '{}', '{{model}}']\n"
                                        "timeout_s: 5\nretries: 0\n{}",
                                        answer,
                                        more));
  }
  std::string file() const { return (folder_.path() / "board.yaml").string(); }
  CostOptions costs(std::vector<std::string> constraints = {}) const {
    return {.devices = {}, .measured = {"runner:" + file()}, .constraints = std::move(constraints)};
  }
  Evaluation evaluate(const CostOptions& options) const {
    auto data = std::make_shared<SharedData>(*shared_data());
    data->costs = Costs({kSide, kSide}, options);
    data->measured = std::make_shared<MeasuredCosts>(data->costs);
    TrainAndMeasure evaluator(cells(), data, quick(0), core::Rng(1));
    const core::StopFlag stop;
    return evaluator.evaluate(1, cells().parse(kGenotype), stop);
  }

 private:
  core::TemporaryFolder folder_;
};

// The answer of a board that takes so long.
std::string taking(const char* median) {
  return fmt::format(
      R"(echo "{{\"median_ms\": {0}, \"quartiles_ms\": [{0}, {0}], \"repetitions\": 9}}")", median);
}

constexpr const char* kBoard = "latency_ms.runner:board";

TEST(MeasuredCosts, AreThereWithTheScores) {
  const FakeBoard board(taking("7.5"));
  EXPECT_THAT(Costs({kSide, kSide}, board.costs()).measured_names(), testing::ElementsAre(kBoard));
  const Evaluation evaluation = board.evaluate(board.costs({"latency_ms.runner:board <= 8"}));
  EXPECT_TRUE(std::holds_alternative<study::Scored>(evaluation.outcome));
  EXPECT_EQ(evaluation.costs.at(kBoard), 7.5);
  EXPECT_FALSE(evaluation.costs.contains("latency_estimated.runner:board"));
}

TEST(MeasuredCosts, RejectBeforeTraining) {
  const FakeBoard board(taking("7.5"));
  const Evaluation evaluation = board.evaluate(board.costs({"latency_ms.runner:board <= 7"}));
  const auto* pruned = std::get_if<study::Pruned>(&evaluation.outcome);
  ASSERT_NE(pruned, nullptr);
  EXPECT_EQ(pruned->where, "before training");
  EXPECT_TRUE(pruned->scores.empty());
  EXPECT_TRUE(evaluation.observations.empty());
  EXPECT_EQ(evaluation.costs.at(kBoard), 7.5);
}

TEST(MeasuredCosts, ABoardThatCannotSayIsAFailureAndNeverACost) {
  for (const std::string& answer : {std::string("exit 3"),
                                    std::string("echo nonsense"),
                                    taking("-2"),
                                    taking("0"),
                                    std::string("sleep 60")}) {
    const FakeBoard board(answer);
    const auto start = std::chrono::steady_clock::now();
    const Evaluation evaluation = board.evaluate(board.costs());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(40)) << answer;
    const auto* failed = std::get_if<study::Failed>(&evaluation.outcome);
    ASSERT_NE(failed, nullptr) << answer;
    EXPECT_THAT(failed->message, testing::HasSubstr("runner:board could not measure it")) << answer;
    EXPECT_FALSE(evaluation.costs.contains(kBoard)) << answer;
  }
}

TEST(MeasuredCosts, AnEstimateThatStandsInIsMarked) {
  const FakeBoard board("exit 3", "profile: gap8\n");
  const Evaluation evaluation = board.evaluate(board.costs());
  EXPECT_TRUE(std::holds_alternative<study::Scored>(evaluation.outcome));
  EXPECT_GT(evaluation.costs.at(kBoard), 0);
  EXPECT_EQ(evaluation.costs.at("latency_estimated.runner:board"), 1);
}

TEST(MeasuredCosts, DevicesNeedNamesOfTheirOwn) {
  const FakeBoard board("exit 3");
  CostOptions twice = board.costs();
  twice.measured.push_back(twice.measured[0]);
  EXPECT_THROW(Costs({kSide, kSide}, twice), core::Error);
  EXPECT_THROW(Costs({kSide, kSide}, board.costs({"latency_ms.runner:other <= 1"})), core::Error);
}

TEST(Costs, NameTheirValuesAndRefuseWhatTheyDoNotKnow) {
  const graph::Graph whole =
      candidate_graphs(space::parse_genotype(kGenotype), shared_data()->description).whole;
  const Costs costs({kSide, kSide},
                    {.devices = {"gap8", "pixel1"}, .measured = {}, .constraints = {}});
  const Costs::Assessment assessment = costs.assess(whole);
  EXPECT_FALSE(assessment.obstacle) << *assessment.obstacle;
  std::vector<std::string> names;
  for (const auto& [name, value] : assessment.costs) {
    names.push_back(name);
    EXPECT_GT(value, 0) << name;
  }
  EXPECT_THAT(names, testing::UnorderedElementsAreArray(costs.names()));

  const auto error_of = [](const CostOptions& options) -> std::string {
    try {
      Costs({kSide, kSide}, options);
    } catch (const core::Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of({.devices = {"gap8", "gap8"}, .measured = {}, .constraints = {}}),
              testing::HasSubstr("named twice"));
  EXPECT_THAT(error_of({.devices = {}, .measured = {}, .constraints = {"miou >= 0.5"}}),
              testing::HasSubstr("'miou' is not known before training"));
  EXPECT_THAT(
      error_of({.devices = {"pixel1"}, .measured = {}, .constraints = {"latency_ms.gap8 <= 5"}}),
      testing::HasSubstr("latency_ms.pixel1"));
}

// A network that its device has no room for is rejected, whatever its other costs.
TEST(Costs, KnowDevicesThatANetworkDoesNotFit) {
  const core::TemporaryFolder folder;
  core::write_file_atomic(folder.path() / "tiny.json",
                          R"({"name": "tiny", "model": "tiled", "tiled": {"l3_bytes": 1000}})");
  const Costs costs(
      {kSide, kSide},
      {.devices = {(folder.path() / "tiny.json").string()}, .measured = {}, .constraints = {}});
  const graph::Graph whole =
      candidate_graphs(space::parse_genotype(kGenotype), shared_data()->description).whole;
  const std::optional<std::string> obstacle = costs.assess(whole).obstacle;
  ASSERT_TRUE(obstacle);
  EXPECT_THAT(*obstacle, testing::HasSubstr("does not fit tiny: "));
}

TEST(TrainAndMeasure, ScoresDependOnSeedAndTrialOnly) {
  const core::StopFlag stop;
  for (const auto arithmetic :
       {network::ArithmeticChoice::kFp32, network::ArithmeticChoice::kAuto}) {
    CandidateOptions options = quick(0);
    options.arithmetic = arithmetic;
    TrainAndMeasure a(cells(), shared_data(), options, core::Rng(1));
    TrainAndMeasure b(cells(), shared_data(), options, core::Rng(1));
    const Evaluation alone = a.evaluate(3, cells().parse(kGenotype), stop);
    ASSERT_NE(study::scores_of(alone.outcome), nullptr);
    // Another candidate runs beside this one, in another thread.
    Evaluation beside;
    std::jthread other([&] { b.evaluate(9, cells().parse(kGenotype), stop); });
    beside = b.evaluate(3, cells().parse(kGenotype), stop);
    other.join();
    EXPECT_EQ(reward_of(alone), reward_of(beside));
    EXPECT_EQ(alone.observations.size(), 2u);
    EXPECT_NE(reward_of(alone), reward_of(a.evaluate(4, cells().parse(kGenotype), stop)));
  }
}

TEST(TrainAndMeasure, StageOneContinuesFromStageZero) {
  const core::StopFlag stop;
  TrainAndMeasure evaluator(cells(), shared_data(), quick(1), core::Rng(1));
  const Evaluation evaluation = evaluator.evaluate(1, cells().parse(kGenotype), stop);
  ASSERT_TRUE(std::holds_alternative<study::Scored>(evaluation.outcome));
  ASSERT_EQ(evaluation.observations.size(), 3u);
  EXPECT_EQ(evaluation.observations.back().stage, 1);
  EXPECT_EQ(evaluation.observations.back().value, reward_of(evaluation));
}

TEST(TrainAndMeasure, EarlyTerminationPrunesWithTheRewardReached) {
  CandidateOptions options = quick(0);
  options.early_stop = {.rule = train::EarlyStopRule::kPaper,
                        .start = 0};  // below the mean: always ends
  TrainAndMeasure evaluator(cells(), shared_data(), options, core::Rng(1));
  // A history of perfect rewards makes this candidate weak.
  study::Trial history;
  history.observations.assign(600, {0, 0, 1.0, 0.5, true});
  evaluator.replay(history);
  const core::StopFlag stop;
  const Evaluation evaluation = evaluator.evaluate(1, cells().parse(kGenotype), stop);
  const auto* pruned = std::get_if<study::Pruned>(&evaluation.outcome);
  ASSERT_NE(pruned, nullptr);
  EXPECT_EQ(pruned->where, "stage 0, epoch 1");
  EXPECT_EQ(evaluation.observations.size(), 1u);
  EXPECT_FALSE(evaluation.observations[0].continued);
}

// A history of small candidates with perfect rewards dominates this one; one with other rewards or
// larger networks does not.
TEST(TrainAndMeasure, HalvingWeighsRewardAndCost) {
  CandidateOptions options = quick(0);
  options.early_stop.rule = train::EarlyStopRule::kHalving;
  const core::StopFlag stop;
  for (const bool smaller : {true, false}) {
    TrainAndMeasure evaluator(cells(), shared_data(), options, core::Rng(1));
    study::Trial history;
    history.costs = {{"params", smaller ? 10.0 : 1e9}, {"macs", 1}};
    history.observations = {{0, 0, 1.0, 0.5, true}};
    for (int i = 0; i < 9; ++i) evaluator.replay(history);
    const Evaluation evaluation = evaluator.evaluate(1, cells().parse(kGenotype), stop);
    EXPECT_EQ(std::holds_alternative<study::Pruned>(evaluation.outcome), smaller);
  }
}

TEST(TrainAndMeasure, StopsAndTimeOutsAreOutcomes) {
  core::StopFlag stop;
  stop.request();
  TrainAndMeasure evaluator(cells(), shared_data(), quick(0), core::Rng(1));
  const Evaluation stopped = evaluator.evaluate(1, cells().parse(kGenotype), stop);
  EXPECT_EQ(std::get<study::Failed>(stopped.outcome).reason, study::FailureReason::kInterrupted);

  CandidateOptions options = quick(0);
  options.timeout_minutes = 1e-6;
  TrainAndMeasure hurried(cells(), shared_data(), options, core::Rng(1));
  const core::StopFlag never;
  const Evaluation late = hurried.evaluate(1, cells().parse(kGenotype), never);
  EXPECT_EQ(std::get<study::Failed>(late.outcome).reason, study::FailureReason::kTimedOut);
}

// Candidates side by side, each in a stream of its own, against the same ones on the CPU. The sums
// behind a score differ in their last digits, and a few steps later so do the weights.
TEST(TrainAndMeasure, AnAcceleratorGivesTheScoresOfTheCpu) {
  const at::Device device = network::device_of("auto");
  if (device.is_cpu()) GTEST_SKIP() << "no CUDA device: training on one was NOT tested";
  const core::StopFlag stop;
  TrainAndMeasure on_cpu(cells(), shared_data(), quick(1), core::Rng(1));
  TrainAndMeasure on_device(cells(), make_shared_data(device), quick(1), core::Rng(1));
  std::vector<double> rewards(4);
  core::parallel_for(4, 4, [&](std::int64_t i) {
    rewards[static_cast<std::size_t>(i)] =
        reward_of(on_device.evaluate(i, cells().parse(kGenotype), stop));
  });
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    const Evaluation same =
        on_cpu.evaluate(static_cast<study::TrialId>(i), cells().parse(kGenotype), stop);
    EXPECT_NEAR(rewards[i], reward_of(same), 0.02) << i;
  }
}

TEST(TrainAndMeasure, ADivergingCandidateFailsAndHasNoScore) {
  CandidateOptions options = quick(0);
  options.stage0.decoder = {.kind = train::OptimizerKind::kSgd, .rate = 1e30, .clip = 0};
  TrainAndMeasure evaluator(cells(), shared_data(), options, core::Rng(1));
  const core::StopFlag stop;
  const Evaluation evaluation = evaluator.evaluate(1, cells().parse(kGenotype), stop);
  ASSERT_TRUE(std::holds_alternative<study::Failed>(evaluation.outcome));
  EXPECT_EQ(std::get<study::Failed>(evaluation.outcome).reason, study::FailureReason::kDiverged);
  EXPECT_EQ(study::scores_of(evaluation.outcome), nullptr);
}

// ---- inheritance ----

network::Network decoder_of(const char* genotype, std::uint64_t seed) {
  return network::Network(
      candidate_graphs(space::parse_genotype(genotype), {{.name = "small"}, {.width = 8}, 3})
          .decoder,
      core::Rng(seed),
      {});
}

// Two genotypes that differ in the last operation of the cell.
constexpr const char* kParent = "[[1,[0,1,2,1]],[[3,2]]]";
constexpr const char* kSibling = "[[1,[0,1,2,3]],[[3,2]]]";

TEST(Inheritance, CopiesLayersWithTheSameLayersBelow) {
  const core::TemporaryFolder folder;
  Inheritance inheritance({.enabled = true}, folder.path());
  const network::Network parent = decoder_of(kParent, 1);
  network::Network child = decoder_of(kSibling, 2);
  const weights::ArrayMap before = child.save();
  EXPECT_EQ(inheritance.start(child), 0);
  EXPECT_EQ(child.save(), before);

  inheritance.add(7, parent);
  const double share = inheritance.start(child);
  EXPECT_GT(share, 0.1);
  EXPECT_LT(share, 0.9);
  const weights::ArrayMap theirs = parent.save();
  const weights::ArrayMap now = child.save();
  // Adaptations and the cells' first operations are the same, what follows the other operation is
  // not.
  int inherited = 0;
  int own = 0;
  for (const auto& [name, array] : now.arrays) {
    if (!name.ends_with("conv.weight")) continue;
    const bool first =
        name.starts_with("decoder.adapt") || name.find("block0.cell1.f1.") != std::string::npos;
    if (first) {
      EXPECT_EQ(array, theirs.arrays.at(name)) << name;
    }
    if (name.find("head") != std::string::npos) {
      EXPECT_EQ(array, before.arrays.at(name)) << name;
    }
    inherited += array == before.arrays.at(name) ? 0 : 1;
    own += array == before.arrays.at(name) ? 1 : 0;
  }
  EXPECT_GT(inherited, 3);
  EXPECT_GT(own, 2);
}

TEST(Inheritance, AnEqualNetworkInheritsEverything) {
  const core::TemporaryFolder folder;
  Inheritance inheritance({.enabled = true}, folder.path());
  const network::Network parent = decoder_of(kParent, 1);
  inheritance.add(1, parent);
  inheritance.add(2, decoder_of("[[3,[0,1,2,1]],[[1,0]]]", 5));  // a worse match, but later
  network::Network child = decoder_of(kParent, 2);
  EXPECT_EQ(inheritance.start(child), 1);
  EXPECT_EQ(child.save(), parent.save());
}

TEST(Inheritance, AContinuedStudyFindsItsDonorsAgain) {
  const core::TemporaryFolder folder;
  const network::Network parent = decoder_of(kParent, 1);
  {
    Inheritance inheritance({.enabled = true, .donors = 2}, folder.path());
    inheritance.add(1, decoder_of(kSibling, 8));
    inheritance.add(2, decoder_of(kSibling, 9));
    inheritance.add(3, parent);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "1.safetensors"));  // two are kept
  Inheritance inheritance({.enabled = true, .donors = 2}, folder.path());
  for (const study::TrialId trial : {1, 2, 3}) inheritance.restore(trial);
  network::Network child = decoder_of(kParent, 2);
  EXPECT_EQ(inheritance.start(child), 1);
  EXPECT_EQ(child.save(), parent.save());
}

TEST(TrainAndMeasure, SaysHowMuchACandidateInherited) {
  const core::TemporaryFolder folder;
  CandidateOptions options = quick(0);
  options.inherit.enabled = true;
  TrainAndMeasure evaluator(cells(), shared_data(), options, core::Rng(1), folder.path());
  const core::StopFlag stop;
  const Evaluation first = evaluator.evaluate(1, cells().parse(kGenotype), stop);
  const Evaluation second = evaluator.evaluate(2, cells().parse(kGenotype), stop);
  EXPECT_EQ(study::scores_of(first.outcome)->at("inherited"), 0);
  EXPECT_EQ(study::scores_of(second.outcome)->at("inherited"), 1);
}

TEST(CandidateGraphs, DecoderReadsTheTapsItNames) {
  const CandidateGraphs graphs = candidate_graphs(space::parse_cell_genotype("[[1],[[3,1]]]"),
                                                  {{.name = "small"}, {.width = 8}, 3});
  EXPECT_EQ(graphs.tap_of_input, (std::vector<std::size_t>{1, 3}));
}

}  // namespace
}  // namespace parsimony::evaluate
