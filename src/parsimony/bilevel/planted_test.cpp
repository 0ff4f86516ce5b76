// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "parsimony/bilevel/cell_search.h"
#include "parsimony/bilevel/path_search.h"
#include "parsimony/bilevel/toys_for_test.h"
#include "parsimony/network/threads.h"
#include "parsimony/task/segmentation.h"

// Whether searches find what is known to be there (spec rspnet 10, tests 5 to 7).
namespace parsimony::bilevel {
namespace {

namespace fs = std::filesystem;
using space::GridOp;

constexpr int kSeeds = 4;
constexpr double kWidestGap = 0.05;  // between a supernet and what is decided of it, mIoU

class PlantedTest : public ::testing::Test {
 protected:
  PlantedTest()
      : folder_(fs::temp_directory_path() /
                ("parsimony-planted-" +
                 std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    network::set_threads(1);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~PlantedTest() override { fs::remove_all(folder_); }

  // Pictures as they are: a mirrored mark would be on the other side.
  static Design design_of(std::int64_t side) {
    Design design;
    design.network.head = {.scale_channels = 8, .channels = 16, .dropout = 0};
    design.options.augment = {
        .crop = side, .shorter_side = side, .scale_min = 1, .scale_max = 1, .mirror = 0};
    design.options.calibration = 4;
    design.options.validate_every = 1000;  // at the end
    design.options.cell.batch = design.options.paths.batch = 8;
    design.options.supernet.filters = 8;
    return design;
  }

  template <typename Make>
  static Pictures pictures_of(int training, int classes, int seed, Make make) {
    const core::Rng rng(static_cast<std::uint64_t>(seed) * 1000);
    const auto made = [&](const char* name, int count) {
      std::vector<data::Sample> samples;
      for (int i = 0; i < count; ++i)
        samples.push_back(make(rng.split(name).split(static_cast<std::uint64_t>(i))));
      return samples;
    };
    return halved(made("training", training),
                  made("validation", 8),
                  std::make_shared<task::Segmentation>(classes),
                  0.5,
                  8,
                  core::Rng(static_cast<std::uint64_t>(seed)));
  }

  Search search(const Design& design, const Pictures& pictures, int seed) const {
    const fs::path file = folder_ / "search.safetensors";
    fs::remove(file);
    return {.design = design,
            .pictures = pictures,
            .rng = core::Rng(static_cast<std::uint64_t>(seed)),
            .checkpoint = file,
            .context = context_,
            .task = "toy"};
  }

  core::SilentLog log_;
  core::SilentProgress silent_;
  core::StopFlag never_;
  const core::Context context_{log_, silent_, never_};
  const fs::path folder_;
};

double gap(const differentiable::EpochNote& note) {
  return note.supernet_miou.value() - note.discrete_miou.value();
}

// Marks that a cell of one operation has to see.
class FarMarksTest : public PlantedTest {
 protected:
  struct Found {
    GridOp op;
    bool far = false;  // operations that reach further weigh more than those that do not
    double gap = 0;
  };

  static constexpr int kCells = 12;
  static Design design() {
    Design design = design_of(kCells * testing::kToyCell);
    design.space = {.nodes = 1, .inputs = 1, .layers = 1};
    differentiable::CellSearchOptions& cell = design.options.cell;
    cell.epochs = 24;
    cell.warm_up = 12;
    cell.weights.rate = 0.2;
    cell.alphas.rate = 0.03;  // ten times the default: there are 48 steps, not thousands
    cell.robustness.sharpness.batches = 1;
    return design;
  }

  // The epoch that a search ended with, which need not be its last one.
  static const differentiable::CellNote& end_of(const differentiable::CellSearchHistory& history) {
    return history.returned_to.empty()
               ? history.epochs.back()
               : history.epochs[static_cast<std::size_t>(history.returned_to.back())];
  }

  Found find(const Design& design, std::int64_t distance, int seed) {
    const Pictures pictures = pictures_of(
        64, 2, seed, [&](core::Rng rng) { return testing::far_marks(kCells, distance, rng); });
    const Search searched = search(design, pictures, seed);
    const auto history = search_cell(searched);
    const differentiable::CellNote& note = end_of(*history);
    // In the order of the candidates: none, max3, avg3, skip, sep3, sep5, dil3, dil5.
    const std::vector<double>& weights = note.weights[0];
    const double near = weights[1] + weights[2] + weights[3];
    const double far = weights[5] + weights[6] + weights[7];
    return {.op = history->cell.edges[0].op, .far = far > near, .gap = gap(note)};
  }
};

bool reaches_far(GridOp op) {
  return op == GridOp::kSepConv5x5 || op == GridOp::kDilConv3x3 || op == GridOp::kDilConv5x5;
}

TEST_F(FarMarksTest, AreSeenByWhatReachesFar) {
  int weighed = 0, chosen = 0, close = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const Found found = find(design(), 4, seed);
    weighed += found.far ? 1 : 0;
    chosen += reaches_far(found.op) ? 1 : 0;
    close += found.gap <= kWidestGap ? 1 : 0;
  }
  EXPECT_GE(weighed, 3);
  EXPECT_GE(chosen, 3);
  EXPECT_GE(close, 3) << "the cell is worse than its supernet";
}

// It is the task that decides: where the mark is the pixel's own, nothing has to be looked at.
TEST_F(FarMarksTest, ThatAreNearNeedNothing) {
  for (int seed = 1; seed <= 2; ++seed) {
    const Found found = find(design(), 0, seed);
    EXPECT_FALSE(found.far) << seed;
    EXPECT_EQ(found.op, GridOp::kSkip) << seed;
  }
}

// The collapse drill (spec rspnet 10, test 6), on marks that cannot be learned beyond their rule:
// few pictures, and a quarter of the labels turned round, so that weights soon know their own half
// by heart. Its pictures, steps and claims were fixed before they were first run at this length.
//
// Plain DARTS, three times as long, does not collapse into skip connections here, nor on any toy
// that was tried (docs/benchmarks.md): of 7 operations 0 to 2 are skips. It does what is said to
// come before that: its optimum becomes sharp, and its loss on the alphas' half rises.
class CollapseDrillTest : public FarMarksTest {
 protected:
  static constexpr int kEpochs = 80, kEstimates = 4, kSkips = 2;

  static Design defaults() {
    Design design = FarMarksTest::design();
    design.space.nodes = 4;
    differentiable::CellSearchOptions& cell = design.options.cell;
    cell.epochs = kEpochs;
    cell.warm_up = kEpochs / 2;
    cell.weights.rate = 0.1;
    cell.robustness.sharpness.every = kEpochs / 2 / kEstimates;
    cell.robustness.sharpness.start = kEpochs / 10;  // of 40 epochs as 4 of 20
    return design;
  }

  // Watched, but never stopped.
  static Design plain() {
    Design design = defaults();
    differentiable::CellSearchOptions& cell = design.options.cell;
    cell.epochs = 3 * kEpochs;
    cell.warm_up = 0;
    cell.robustness.auxiliary_skip = false;
    cell.robustness.perturbation = differentiable::Perturbation::kNone;
    cell.robustness.entropy = 0;
    cell.robustness.skip_cap = -1;
    cell.robustness.protect_statistics = false;
    cell.robustness.sharpness.every = 3 * kEpochs / 6;
    cell.robustness.sharpness.threshold = 1e9;
    return design;
  }

  differentiable::CellSearchHistory drill(const Design& design, int seed) const {
    const Pictures pictures = pictures_of(16, 2, seed, [&](core::Rng rng) {
      return testing::doubtful_far_marks(kCells, 4, 0.25, rng);
    });
    return *search_cell(search(design, pictures, seed));
  }

  static std::vector<differentiable::SharpnessPoint> sharpness(
      const differentiable::CellSearchHistory& history) {
    std::vector<differentiable::SharpnessPoint> series;
    for (const differentiable::CellNote& note : history.epochs) {
      if (note.eigenvalue) series.push_back({note.epoch, *note.eigenvalue});
    }
    return series;
  }

  // Whether the rule of defaults, as published for few evaluations, would have sent it back.
  static bool too_sharp(const std::vector<differentiable::SharpnessPoint>& series) {
    const differentiable::SharpnessOptions rule{.window = 3, .delta = 2};
    for (std::size_t seen = 1; seen <= series.size(); ++seen) {
      if (epoch_to_return_to(std::span(series).first(seen), rule, 0)) return true;
    }
    return false;
  }
};

TEST_F(CollapseDrillTest, PlainSearchesBecomeSharpAndRobustOnesDoNot) {
  for (int seed = 1; seed <= 2; ++seed) {
    const auto robust = drill(defaults(), seed), unguarded = drill(plain(), seed);
    const auto calm = sharpness(robust), sharp = sharpness(unguarded);
    ASSERT_FALSE(calm.empty());
    ASSERT_FALSE(sharp.empty());
    const double most =
        std::ranges::max(calm, {}, &differentiable::SharpnessPoint::eigenvalue).eigenvalue;
    EXPECT_GT(sharp.back().eigenvalue, 3 * most) << seed;
    EXPECT_TRUE(too_sharp(sharp)) << seed;
    EXPECT_GT(*unguarded.epochs.back().architecture_loss, *robust.epochs.back().architecture_loss)
        << seed;
    EXPECT_LE(end_of(robust).skips, kSkips) << seed;
  }
}

// Tiny objects on a background whose class only a coarse scale can tell: networks of one scale
// fail.
class RoomsTest : public PlantedTest {
 protected:
  static constexpr int kSide = 64;

  static Design design() {
    Design design = design_of(kSide);
    design.options.augment.mirror = 0.5;
    design.space = {.nodes = 1, .inputs = 1, .layers = 3};
    design.network.rsp = graph::RspMode::kNone;
    design.network.cells = 1;
    differentiable::PathSearchOptions& paths = design.options.paths;
    paths.epochs = 12;
    paths.warm_up = 4;
    paths.weights.rate = 0.1;
    paths.gates.rate = 0.1;  // thirty times the default: there are 80 steps of gates
    return design;
  }

  // A node costs four times what an edge between scales does.
  static differentiable::GridCosts costs(const space::GridSpaceOptions& space) {
    differentiable::GridCosts costs;
    for (const space::GridLayer& layer : all_paths(space)) {
      std::vector<double>& edges = costs.edges.emplace_back();
      for (const space::GridEdge& edge : layer) edges.push_back(edge.from == edge.to ? 0 : 1);
      costs.nodes.push_back({4, 4, 4, 4});
    }
    return costs;
  }

  differentiable::PathSearchHistory find(const Design& design, int seed) {
    const Pictures pictures = pictures_of(
        160, 4, seed, [&](core::Rng rng) { return testing::rooms(kSide, true, true, rng); });
    const Search searched = search(design, pictures, seed);
    const space::GridCell cell =
        space::parse_grid_genotype("{cell:[[1,0,sep3]],paths:[[0-0]]}").cell;
    const fs::path warm = folder_ / "warm.safetensors";
    fs::remove(warm);
    return *PathSearch(searched, cell, 0.5, costs(design.space), warm).run();
  }
};

TEST_F(RoomsTest, NeedAFineAndACoarseScale) {
  int both = 0, close = 0, decided = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const differentiable::PathSearchHistory found = find(design(), seed);
    const unsigned read = space::sink_set(found.paths.back());  // by the head
    both += (read & 0b0001U) != 0 && (read & 0b1100U) != 0 ? 1 : 0;
    close += gap(found.epochs.back()) <= kWidestGap ? 1 : 0;
    decided += found.epochs.back().entropy < std::log(2) / 4 ? 1 : 0;
  }
  EXPECT_GE(both, 3);
  EXPECT_GE(close, 3) << "the network is worse than its supernet";
  EXPECT_GE(decided, 3) << "gates are as open as closed";
}

}  // namespace
}  // namespace parsimony::bilevel
