// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/search_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

using ::testing::HasSubstr;

TEST(DifferentiableOptions, SurviveWritingAndReading) {
  DifferentiableOptions options;
  options.budgets = {0.3, 0.7};
  options.cell.robustness.perturbation = Perturbation::kAdversarial;
  options.cell.robustness.sharpness.remedy = SharpnessRemedy::kAdaptive;
  options.paths.gate.kind = graph::PathGate::kHardTopK;
  options.paths.gates.weight_decay = 0.25;
  options.paths.regularizer.budget = Budget::kSquared;
  options.paths.decoding.rule = DecodingRule::kTopK;
  DifferentiableOptions read;
  core::Config::from_text(core::to_yaml(options), "test").read_into(read);
  EXPECT_EQ(read, options);
}

// What the spec calls "our defaults" and "build in from the start".
TEST(DifferentiableOptions, HaveTheDefaultsOfTheSpec) {
  const std::map<std::string, std::string> expected{{"supernet.filters", "16"},
                                                    {"supernet.cells", "1"},
                                                    {"supernet.partial_channels", "1"},
                                                    {"cell.epochs", "40"},
                                                    {"cell.warm_up", "20"},
                                                    {"cell.batch", "8"},
                                                    {"cell.order", "first"},
                                                    {"cell.weights.rate", "0.025"},
                                                    {"cell.weights.rate_end", "0.001"},
                                                    {"cell.alphas.rate", "0.003"},
                                                    {"cell.alphas.beta1", "0.5"},
                                                    {"cell.alphas.weight_decay", "0.001"},
                                                    {"cell.alphas.clip", "5"},
                                                    {"cell.robustness.auxiliary_skip", "true"},
                                                    {"cell.robustness.perturbation", "random"},
                                                    {"cell.robustness.skip_cap", "2"},
                                                    {"cell.robustness.protect_statistics", "true"},
                                                    {"cell.robustness.sharpness.remedy", "stop"},
                                                    {"cell.robustness.sharpness.every", "1"},
                                                    {"paths.epochs", "60"},
                                                    {"paths.warm_up", "20"},
                                                    {"paths.gate.kind", "sigmoid_cond"},
                                                    {"paths.gate.dynamic", "true"},
                                                    {"paths.gates.rate", "0.003"},
                                                    {"paths.gates.weight_decay", "0"},
                                                    {"paths.gates.clip", "0.5"},
                                                    {"paths.regularizer.topology", "0.001"},
                                                    {"paths.regularizer.budget", "absolute"},
                                                    {"paths.decoding.rule", "dp"},
                                                    {"paths.decoding.k", "2"}};
  std::map<std::string, std::string> found;
  for (const core::FieldInfo& field : core::list_fields(DifferentiableOptions{}))
    found[field.path] = field.value;
  for (const auto& [path, value] : expected) EXPECT_EQ(found[path], value) << path;
  EXPECT_NO_THROW(check(DifferentiableOptions{}, {}));
  EXPECT_EQ(DifferentiableOptions{}.budgets, std::vector<double>{0.6});
}

TEST(DifferentiableOptions, StateTheirBounds) {
  DifferentiableOptions options;
  EXPECT_THROW(core::Config::from_text("seeds: 0", "test").read_into(options), core::Error);
  EXPECT_THROW(
      core::Config::from_text("paths: {decoding: {rule: best}}", "test").read_into(options),
      core::Error);
}

std::string refusal(const DifferentiableOptions& options, const graph::GridOptions& network = {}) {
  try {
    check(options, network);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
  return "accepted";
}

TEST(DifferentiableOptions, MustGoTogether) {
  DifferentiableOptions no_search;
  no_search.cell.warm_up = 40;
  EXPECT_THAT(refusal(no_search), HasSubstr("cell: a warm_up of 40 of 40 epochs"));
  DifferentiableOptions uncentred;
  uncentred.cell.robustness.sharpness.window = 4;
  EXPECT_THAT(refusal(uncentred), HasSubstr("a window of 4 estimates"));
  DifferentiableOptions odd;
  odd.supernet.filters = 9;
  EXPECT_THAT(refusal(odd), HasSubstr("9 filters with grid.rsp = iterative"));
  EXPECT_EQ(refusal(odd, {.rsp = graph::RspMode::kNone}), "accepted");
  DifferentiableOptions partial;
  partial.supernet.partial_channels = 3;
  EXPECT_THAT(refusal(partial), HasSubstr("partial_channels 3 does not divide the 8 channels"));
  partial.supernet.partial_channels = 2;
  EXPECT_EQ(refusal(partial), "accepted");
  DifferentiableOptions closing;
  closing.paths.gate.kind = graph::PathGate::kReluTanh;
  EXPECT_THAT(refusal(closing), HasSubstr("gate relu_tanh with sparsifier patterns"));
  closing.paths.regularizer.sparsifier = Sparsifier::kSparseMask;
  EXPECT_EQ(refusal(closing), "accepted");
}

TEST(DifferentiableOptions, NeedSomethingToSearch) {
  DifferentiableOptions options;
  options.budgets = {};
  EXPECT_THAT(refusal(options), HasSubstr("budgets is empty"));
  options.budgets = {0.5, 1.5};
  EXPECT_THAT(refusal(options), HasSubstr("budgets has 1.5"));
  options.budgets = {0.5};
  options.paths.gate.kind = graph::PathGate::kUniform;
  EXPECT_THAT(refusal(options), HasSubstr("nothing to search"));
}

TEST(PathSearchOptions, SharpenGatesInTheirPhase) {
  PathSearchOptions options;
  options.gate.temperature_end = 0.3;
  EXPECT_EQ(gate_temperature(options, 0), 1);
  EXPECT_EQ(gate_temperature(options, 20), 1);
  EXPECT_NEAR(gate_temperature(options, 59), 0.3, 1e-12);
}

TEST(CellSearchOptions, SayHowItsCellIsDerived) {
  CellSearchOptions options;
  EXPECT_EQ(options.derivation().skip_cap, 2);
  options.robustness.skip_cap = -1;
  EXPECT_EQ(options.derivation().skip_cap, std::nullopt);
  EXPECT_EQ(options.searching().begin, 20);
  EXPECT_EQ(options.searching().end, 40);
}

}  // namespace
}  // namespace parsimony::differentiable
