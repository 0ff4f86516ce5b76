// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/arithmetic.h"

#include <gtest/gtest.h>

#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/graph/lower.h"
#include "parsimony/network/network.h"
#include "parsimony/network/pixel_classes.h"
#include "parsimony/network/simd/bf16_loops.h"
#include "parsimony/space/cell.h"

namespace parsimony::network {
namespace {

TEST(Arithmetic, IsChosenByTheProcessor) {
  EXPECT_EQ(arithmetic_of(ArithmeticChoice::kFp32, at::kCPU), Arithmetic::kFp32);
  const bool able = simd::bf16_loops() != nullptr;
  EXPECT_EQ(arithmetic_of(ArithmeticChoice::kAuto, at::kCPU),
            able ? Arithmetic::kBf16 : Arithmetic::kFp32);
  EXPECT_EQ(arithmetic_of(ArithmeticChoice::kAuto, at::kCUDA), Arithmetic::kFp32);
  if (able) {
    EXPECT_EQ(arithmetic_of(ArithmeticChoice::kBf16, at::kCPU), Arithmetic::kBf16);
  } else {
    EXPECT_THROW(arithmetic_of(ArithmeticChoice::kBf16, at::kCPU), core::Error);
  }
}

// A step of training, then a validation.
struct Trained {
  std::vector<Tensor> outputs;
  Tensor gradients;
  Tensor evaluated;
};
Trained trained(const graph::Graph& graph,
                const std::vector<Tensor>& inputs,
                const Tensor& labels,
                Arithmetic arithmetic) {
  Network net(graph, core::Rng(3), {.arithmetic = arithmetic});
  Trained result;
  result.outputs = net.forward(inputs, Phase::kTraining);
  Tensor loss = pixel_cross_entropy(result.outputs[0], labels, Kernels::kFast);
  for (std::size_t i = 1; i < result.outputs.size(); ++i)
    loss = loss + 0.15 * pixel_cross_entropy(result.outputs[i], labels, Kernels::kFast);
  torch::autograd::backward({loss}, {});
  result.gradients = at::cat({net.encoder().gradients, net.decoder().gradients});
  const at::NoGradGuard no_grad;
  result.evaluated = net.forward(inputs, Phase::kEvaluation)[0];
  return result;
}

constexpr int kClasses = 5;
graph::LoweredNetwork lowered(const char* genotype) {
  return graph::lower(space::parse_cell_genotype(genotype),
                      {{}, {.width = 24, .auxiliary_cells = true}, kClasses});
}

// Of a decoder, whose batch norms see enough pixels: in a random encoder's last layers rounding of
// the pictures alone would grow beyond all bounds.
Trained trained_decoder(const char* genotype, Arithmetic arithmetic) {
  const graph::LoweredNetwork network = lowered(genotype);
  std::vector<graph::CutPoint> cuts;
  for (const graph::Tap& tap : network.taps) cuts.push_back({tap.node, tap.stride});
  at::Generator generator = at::detail::createCPUGenerator(5);
  return trained(graph::subgraph(network.graph, cuts, network.graph.outputs),
                 {at::randn({8, 24, 32, 32}, generator).relu(),
                  at::randn({8, 32, 16, 16}, generator).relu(),
                  at::randn({8, 96, 8, 8}, generator).relu(),
                  at::randn({8, 320, 4, 4}, generator).relu()},
                 at::randint(0, kClasses, {8, 64, 64}, generator, at::kByte),
                 arithmetic);
}

// Of the encoder's first layers: strided convolutions and depthwise ones, which are widened.
Trained trained_encoder(Arithmetic arithmetic) {
  const graph::LoweredNetwork network =
      lowered("[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]");
  at::manual_seed(6);
  const Tensor labels = at::randint(0, 24, {4, 16, 16}, at::kByte);
  return trained(graph::subgraph(network.graph, {}, {{"logits", network.taps[0].node}}),
                 {at::randn({4, 3, 64, 64})},
                 labels,
                 arithmetic);
}

void expect_near(const Trained& narrow, const Trained& wide, double bound) {
  const auto near = [bound](const Tensor& actual, const Tensor& wanted) {
    EXPECT_EQ(actual.scalar_type(), at::kFloat);
    EXPECT_LT((actual - wanted).norm().item<double>(), bound * wanted.norm().item<double>());
  };
  ASSERT_EQ(wide.outputs.size(), narrow.outputs.size());
  for (std::size_t i = 0; i < wide.outputs.size(); ++i)
    near(narrow.outputs[i].detach(), wide.outputs[i].detach());
  near(narrow.evaluated, wide.evaluated);
  near(narrow.gradients, wide.gradients);
}

void expect_equal(const Trained& first, const Trained& second) {
  EXPECT_TRUE(at::equal(first.gradients, second.gradients));
  EXPECT_TRUE(at::equal(first.evaluated, second.evaluated));
}

constexpr const char* kGenotypes[] = {"[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]",
                                      "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]",
                                      "[[1,[1,0,3,9],[2,3,4,9],[2,1,1,1]],[[1,3],[2,0],[0,3]]]",
                                      "[[3,[0,0,7,7],[2,0,10,1],[4,1,10,0]],[[3,1],[4,4],[5,0]]]"};

class Bf16Network : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (simd::bf16_loops() == nullptr)
      GTEST_SKIP() << "this processor has no bf16 products (AMX, AVX-512 BF16)";
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, Bf16Network, testing::ValuesIn(kGenotypes));

TEST_P(Bf16Network, DecoderTrainsInNearlyTheDirectionOfFp32) {
  expect_near(trained_decoder(GetParam(), Arithmetic::kBf16),
              trained_decoder(GetParam(), Arithmetic::kFp32),
              0.08);
}

TEST_P(Bf16Network, GivesTheSameBitsAgain) {
  expect_equal(trained_decoder(GetParam(), Arithmetic::kBf16),
               trained_decoder(GetParam(), Arithmetic::kBf16));
}

// Candidates are trained side by side: working memory and tiles are the thread's own.
TEST(Arithmetic, NetworksSideBySideGiveTheBitsOfOneAlone) {
  std::vector<Arithmetic> arithmetics = {Arithmetic::kFp32};
  if (simd::bf16_loops() != nullptr) arithmetics.push_back(Arithmetic::kBf16);
  for (const Arithmetic arithmetic : arithmetics) {
    SCOPED_TRACE(name_of(arithmetic));
    std::vector<Trained> beside(2);
    const Trained alone = trained_decoder(kGenotypes[1], arithmetic);
    {
      std::vector<std::jthread> threads;
      for (Trained& one : beside)
        threads.emplace_back(
            [&one, arithmetic] { one = trained_decoder(kGenotypes[1], arithmetic); });
    }
    for (const Trained& one : beside) expect_equal(one, alone);
  }
}

TEST(Bf16Encoder, WidensWhatHasNoLoopsForNarrowMaps) {
  if (simd::bf16_loops() == nullptr)
    GTEST_SKIP() << "this processor has no bf16 products (AMX, AVX-512 BF16)";
  const Trained narrow = trained_encoder(Arithmetic::kBf16);
  expect_near(narrow, trained_encoder(Arithmetic::kFp32), 0.25);
  expect_equal(narrow, trained_encoder(Arithmetic::kBf16));
}

}  // namespace
}  // namespace parsimony::network
