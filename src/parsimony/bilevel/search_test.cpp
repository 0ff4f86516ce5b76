// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "parsimony/bilevel/cell_search.h"
#include "parsimony/bilevel/path_search.h"
#include "parsimony/core/error.h"
#include "parsimony/data/synth.h"
#include "parsimony/differentiable/paths/decoding.h"
#include "parsimony/task/segmentation.h"

namespace parsimony::bilevel {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Asks for a stop after so many steps.
class StopAfter final : public core::ProgressObserver {
 public:
  StopAfter(core::StopFlag& stop, int steps) : stop_(stop), left_(steps) {}
  void advance(const core::Progress&) override {
    if (--left_ == 0) stop_.request();
  }

 private:
  core::StopFlag& stop_;
  int left_;
};

class SearchTest : public ::testing::Test {
 protected:
  SearchTest()
      : folder_(fs::temp_directory_path() /
                ("parsimony-bilevel-" +
                 std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    design_.space = {.nodes = 2, .inputs = 1, .layers = 2};
    design_.network.filters = 4;
    design_.network.head = {.scale_channels = 8, .channels = 8, .dropout = 0.1};
    differentiable::DifferentiableOptions& options = design_.options;
    options.augment = {.crop = 32, .shorter_side = 32};
    options.validate_every = 2;
    options.calibration = 1;
    options.supernet.filters = 4;
    options.cell.epochs = options.paths.epochs = 4;
    options.cell.warm_up = options.paths.warm_up = 2;
    options.cell.batch = options.paths.batch = 4;
    options.cell.robustness.sharpness.batches = 1;
    options.cell.robustness.sharpness.steps = 2;
    data::SynthOptions synth;
    synth.train = 16;
    synth.val = 2;
    synth.test = 1;
    synth.width = synth.height = 32;
    const data::MemoryDataset dataset = data::make_synthetic_dataset(synth, 1);
    std::vector<data::Sample> training, validation;
    for (std::int64_t i = 0; i < 16; ++i) training.push_back(dataset.read(data::Split::kTrain, i));
    for (std::int64_t i = 0; i < 2; ++i) validation.push_back(dataset.read(data::Split::kVal, i));
    pictures_ = halved(training,
                       validation,
                       std::make_shared<task::Segmentation>(data::kPartCount),
                       0.5,
                       4,
                       core::Rng(1));
  }
  ~SearchTest() override { fs::remove_all(folder_); }

  Search search(const std::string& name, const core::Context& context) const {
    return {.design = design_,
            .pictures = pictures_,
            .rng = core::Rng(7),
            .checkpoint = folder_ / (name + ".safetensors"),
            .context = context,
            .task = name};
  }

  static std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string checkpoint(const std::string& name) const {
    return content(folder_ / (name + ".safetensors"));
  }

  differentiable::GridCosts costs() const {
    differentiable::GridCosts costs;
    for (const space::GridLayer& layer : all_paths(design_.space)) {
      costs.edges.emplace_back(layer.size(), 1.0);
      costs.nodes.push_back({4, 3, 2, 1});
    }
    return costs;
  }

  core::SilentLog log_;
  core::SilentProgress silent_;
  core::StopFlag never_;
  const core::Context context_{log_, silent_, never_};
  const fs::path folder_;
  Design design_;
  Pictures pictures_;
  const space::GridCell cell_ =
      space::parse_grid_genotype("{cell:[[1,0,sep3],[2,0,dil3],[2,1,skip]],paths:[[0-0]]}").cell;
};

TEST_F(SearchTest, HalvesHaveNothingInCommon) {
  EXPECT_EQ(pictures_.weights.size(), 8U);
  EXPECT_EQ(pictures_.architecture.size(), 8U);
  for (const data::Sample& a : pictures_.weights) {
    for (const data::Sample& b : pictures_.architecture) EXPECT_NE(a.image.pixels, b.image.pixels);
  }
  std::vector<data::Sample> few(pictures_.weights.begin(), pictures_.weights.begin() + 6);
  try {
    halved(few, {}, pictures_.task, 0.5, 4, core::Rng(1));
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("6 training pictures are cut into 3"));
  }
}

TEST_F(SearchTest, OfCellsNotesEveryEpochAndDerivesACell) {
  const auto found = search_cell(search("cell", context_));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->epochs.size(), 4U);
  for (std::size_t e = 0; e < 4; ++e) {
    const differentiable::CellNote& note = found->epochs[e];
    EXPECT_EQ(note.epoch, static_cast<int>(e));
    EXPECT_GT(note.weight_loss, 0);
    EXPECT_EQ(note.architecture_loss.has_value(), e >= 2);
    EXPECT_EQ(note.eigenvalue.has_value(), e >= 2);
    EXPECT_EQ(note.supernet_miou.has_value(), e % 2 == 1);
    EXPECT_EQ(note.discrete_miou.has_value(), e % 2 == 1);
    EXPECT_EQ(note.cell.nodes(), 2);
  }
  EXPECT_EQ(found->epochs[0].entropy, found->epochs[1].entropy) << "alphas rest in the warm-up";
  EXPECT_NE(found->epochs[1].entropy, found->epochs[3].entropy);
  EXPECT_EQ(found->cell, found->epochs.back().cell);
}

TEST_F(SearchTest, OfCellsIsFoundAgainWhenItIsDone) {
  const auto first = search_cell(search("cell", context_));
  const std::string before = checkpoint("cell");
  const auto again = search_cell(search("cell", context_));
  EXPECT_EQ(to_json(*first), to_json(*again));
  EXPECT_EQ(before, checkpoint("cell"));
}

// Whatever robustness it has, a search that is interrupted within any epoch ends as the other.
TEST_F(SearchTest, OfCellsThatGoesOnEqualsOneThatWasNeverInterrupted) {
  for (const auto perturbation :
       {differentiable::Perturbation::kRandom, differentiable::Perturbation::kAdversarial}) {
    design_.options.cell.robustness.perturbation = perturbation;
    design_.options.cell.robustness.skip_dropout = 0.3;
    design_.options.cell.order = perturbation == differentiable::Perturbation::kRandom
                                     ? differentiable::Order::kSecond
                                     : differentiable::Order::kFirst;
    const std::string name(
        differentiable::kPerturbationNames[static_cast<std::size_t>(perturbation)]);
    const auto whole = search_cell(search(name + "-whole", context_));
    ASSERT_TRUE(whole);
    std::optional<differentiable::CellSearchHistory> parts;
    int sessions = 0;
    while (!parts) {
      ASSERT_LT(++sessions, 20);
      core::StopFlag stop;
      StopAfter progress(stop, 2 + sessions);
      const core::Context context{log_, progress, stop};
      parts = search_cell(search(name + "-parts", context));
    }
    EXPECT_GT(sessions, 2);
    EXPECT_EQ(to_json(*whole), to_json(*parts));
    EXPECT_EQ(checkpoint(name + "-whole"), checkpoint(name + "-parts"));
  }
}

TEST_F(SearchTest, OfOtherOptionsDoesNotGoOn) {
  search_cell(search("cell", context_));
  design_.options.cell.alphas.rate = 0.01;
  try {
    search_cell(search("cell", context_));
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("cell.safetensors: belongs to a search with other options"));
  }
}

// A threshold that every pair of positive eigenvalues exceeds.
TEST_F(SearchTest, OfCellsEndsWithAnEarlierCellWhenItBecomesTooSharp) {
  differentiable::SharpnessOptions& sharpness = design_.options.cell.robustness.sharpness;
  sharpness = {.window = 1, .delta = 1, .threshold = 1e-9, .start = 0, .steps = 4, .batches = 1};
  design_.options.cell.epochs = 7;
  const auto found = search_cell(search("cell", context_));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->returned_to.size(), 1U);
  const int back = found->returned_to[0];
  EXPECT_LT(back, found->epochs.back().epoch);
  EXPECT_EQ(found->cell, found->epochs[static_cast<std::size_t>(back)].cell);
  EXPECT_LT(found->epochs.size(), 7U);
  EXPECT_EQ(to_json(*search_cell(search("cell", context_))), to_json(*found)) << "it stays ended";
}

TEST_F(SearchTest, OfCellsGoesOnFromThereWithAStrongerDecay) {
  differentiable::SharpnessOptions& sharpness = design_.options.cell.robustness.sharpness;
  sharpness = {.remedy = differentiable::SharpnessRemedy::kAdaptive,
               .window = 1,
               .delta = 1,
               .threshold = 1e-9,
               .start = 0,
               .steps = 4,
               .batches = 1};
  design_.options.cell.epochs = 7;
  const auto found = search_cell(search("cell", context_));
  ASSERT_TRUE(found);
  // 1e-3 becomes 1e-2, and 1e-1 would be too strong: the second return is the end.
  EXPECT_EQ(found->returned_to.size(), 2U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1)
      << "snapshots are removed";
}

TEST_F(SearchTest, OfPathsDecodesAValidNetwork) {
  PathSearch paths(search("paths", context_), cell_, 0.6, costs(), folder_ / "warm.safetensors");
  const auto found = paths.run();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->epochs.size(), 4U);
  EXPECT_FALSE(found->epochs[1].architecture_loss);
  EXPECT_TRUE(found->epochs[2].architecture_loss);
  for (const differentiable::PathNote& note : found->epochs) {
    EXPECT_GT(note.cost, 0);
    EXPECT_LT(note.cost, 1);
  }
  const space::GridGenotype genotype{cell_, found->paths};
  EXPECT_EQ(space::parse_grid_genotype(space::to_text(genotype)), genotype);
  EXPECT_NO_THROW(space::check_paths(genotype, {}));
  EXPECT_EQ(found->gates.size(), 2U);
  const auto first = paths.inherited(found->paths), second = paths.inherited(found->paths);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->contains("miou"));
  EXPECT_EQ(*first, *second) << "measuring changes nothing";
}

TEST_F(SearchTest, OfPathsForAnotherBudgetGoesOnFromTheSameWarmUp) {
  const fs::path warm = folder_ / "warm.safetensors";
  const auto wide = PathSearch(search("wide", context_), cell_, 0.9, costs(), warm).run();
  const std::string kept = content(warm);
  const auto narrow = PathSearch(search("narrow", context_), cell_, 0.1, costs(), warm).run();
  ASSERT_TRUE(wide && narrow);
  EXPECT_EQ(content(warm), kept);
  EXPECT_EQ(wide->epochs[1].weight_loss, narrow->epochs[1].weight_loss);
  EXPECT_GT(wide->epochs[3].cost, narrow->epochs[3].cost);
  // Alone it is the same search.
  const auto alone =
      PathSearch(search("alone", context_), cell_, 0.1, costs(), folder_ / "other.safetensors")
          .run();
  EXPECT_EQ(to_json(*alone), to_json(*narrow));
}

TEST_F(SearchTest, OfPathsThatGoesOnEqualsOneThatWasNeverInterrupted) {
  design_.options.paths.gate.temperature_end = 0.5;
  const auto whole =
      PathSearch(search("whole", context_), cell_, 0.5, costs(), folder_ / "warm.safetensors")
          .run();
  std::optional<differentiable::PathSearchHistory> parts;
  int sessions = 0;
  while (!parts) {
    ASSERT_LT(++sessions, 30);
    core::StopFlag stop;
    StopAfter progress(stop, 2 + sessions);
    const core::Context context{log_, progress, stop};
    parts = PathSearch(search("parts", context), cell_, 0.5, costs(), folder_ / "other.safetensors")
                .run();
  }
  EXPECT_GT(sessions, 2);
  EXPECT_EQ(to_json(*whole), to_json(*parts));
  EXPECT_EQ(checkpoint("whole"), checkpoint("parts"));
}

TEST_F(SearchTest, OfPathsWorksWithEveryGateAndRule) {
  using differentiable::DecodingRule;
  using graph::PathGate;
  differentiable::PathSearchOptions& paths = design_.options.paths;
  paths.epochs = 2;
  paths.warm_up = 1;
  const std::vector<std::pair<PathGate, DecodingRule>> pairs = {
      {PathGate::kSoftmax, DecodingRule::kTopK},
      {PathGate::kReluTanh, DecodingRule::kThreshold},
      {PathGate::kHardTopK, DecodingRule::kViterbi},
      {PathGate::kConditionalSigmoid, DecodingRule::kViterbi}};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    paths.gate.kind = pairs[i].first;
    paths.decoding.rule = pairs[i].second;
    paths.regularizer.sparsifier = pairs[i].first == PathGate::kReluTanh
                                       ? differentiable::Sparsifier::kSparseMask
                                       : differentiable::Sparsifier::kPatterns;
    const std::string name = "gate" + std::to_string(i);
    const auto found =
        PathSearch(
            search(name, context_), cell_, 0.5, costs(), folder_ / (name + "-warm.safetensors"))
            .run();
    ASSERT_TRUE(found) << name;
    EXPECT_FALSE(found->paths.empty());
  }
}

}  // namespace
}  // namespace parsimony::bilevel
