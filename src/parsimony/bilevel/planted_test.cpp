// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/bilevel/cell_search.h"
#include "parsimony/bilevel/path_search.h"
#include "parsimony/bilevel/toys_for_test.h"
#include "parsimony/network/threads.h"

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
                  classes,
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
  return *note.supernet_miou - *note.discrete_miou;
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
    cell.robustness.sharpness.steps = 4;
    return design;
  }

  Found find(const Design& design, std::int64_t distance, int seed) {
    const Pictures pictures = pictures_of(
        64, 2, seed, [&](core::Rng rng) { return testing::far_marks(kCells, distance, rng); });
    const Search searched = search(design, pictures, seed);
    const auto history = search_cell(searched);
    // In the order of the candidates: none, max3, avg3, skip, sep3, sep5, dil3, dil5.
    const std::vector<double>& weights = history->epochs.back().weights[0];
    const double near = weights[1] + weights[2] + weights[3];
    const double far = weights[5] + weights[6] + weights[7];
    const differentiable::CellNote& last = history->epochs.back();
    return {.op = history->cell.edges[0].op,
            .far = far > near,
            .gap = last.supernet_miou ? gap(last) : 0};
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

}  // namespace
}  // namespace parsimony::bilevel
