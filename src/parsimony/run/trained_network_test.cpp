// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/trained_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/task/segmentation.h"

namespace parsimony::run {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << error.what();
    return error.what();
  }
  return "no error";
}

network::Network network_of(const TrainedNetwork& trained) {
  network::Network network(
      graph::simplified_network(space::parse_genotype(trained.genotype), trained.network),
      core::Rng(5),
      {});
  if (!trained.weights.arrays.empty()) network.load(trained.weights, "test");
  return network;
}

TrainedNetwork with_random_weights(const std::string& genotype, graph::NetworkDescription network) {
  network.classes = 4;
  network.decoder.auxiliary = false;
  TrainedNetwork trained{.genotype = genotype,
                         .network = network,
                         .classes = {"sky", "road", "tree", "car"},
                         .weights = {}};
  trained.weights = network_of(trained).save();
  return trained;
}

network::Tensor logits_of(const TrainedNetwork& trained) {
  const at::NoGradGuard no_grad;
  const network::Tensor picture = at::linspace(-1, 1, 3 * 32 * 32).view({1, 3, 32, 32});
  return network_of(trained).logits({picture}, network::Phase::kEvaluation);
}

TEST(WithClasses, KeepsTheLogitsOfThoseChosenInTheirOrder) {
  const graph::NetworkDescription small{
      .encoder = {.name = "ghostnet_c"},
      .decoder = {.width = 8},
      .supernet = {.width = 0.25, .aspp_channels = 16, .decoder_channels = 16}};
  for (const char* genotype : {"[[1],[[3,2],[4,1],[5,0]]]", "[]"}) {
    const TrainedNetwork trained = with_random_weights(genotype, small);
    const TrainedNetwork chosen =
        with_classes(trained, {"car", "1"}, {"vehicle", "street"}, "teacher");
    EXPECT_EQ(chosen.network.classes, 2);
    const network::Tensor expected =
        logits_of(trained).index_select(1, at::tensor({3, 1}, at::kLong));
    EXPECT_TRUE(at::allclose(logits_of(chosen), expected, 1e-5, 1e-6)) << genotype;
  }
}

TEST(WithClasses, SaysWhichClassesDoNotFit) {
  const TrainedNetwork trained =
      with_random_weights("[[1],[[3,2],[4,1],[5,0]]]", {.encoder = {.name = "ghostnet_c"}});
  EXPECT_THAT(
      error_of([&] {
        with_classes(trained, {}, {"a", "b"}, "teacher");
      }),
      HasSubstr("teacher: the network tells 4 classes apart (sky, road, tree, car), the data "
                "set has 2 (a, b); name in teacher.classes"));
  EXPECT_THAT(error_of([&] {
                with_classes(trained, {"sky", "boat"}, {"a", "b"}, "teacher");
              }),
              HasSubstr("teacher.classes has 'boat', which is none of the network's classes: sky, "
                        "road, tree, car"));
  TrainedNetwork damaged = trained;
  damaged.weights.arrays.erase(damaged.weights.arrays.begin());
  EXPECT_THAT(error_of([&] {
                with_classes(damaged, {"sky", "car"}, {"a", "b"}, "teacher");
              }),
              HasSubstr("these are the weights of another network"));
}

TEST(ReadTrainedNetwork, NamesTheOptionOfAPathThatDoesNotExist) {
  EXPECT_THAT(error_of([] { read_trained_network("nowhere", "teacher.model"); }),
              AllOf(HasSubstr("teacher.model nowhere: does not exist"), HasSubstr("weight file")));
}

// TensorFlow's network of 21 classes as a teacher of two.
TEST(LoadTeacher, TakesAPublishedDeeplab) {
  const char* shared = std::getenv("PARSIMONY_SHARED");
  const std::filesystem::path file = std::filesystem::path(shared ? shared : "../shared") /
                                     "weights/deeplabv3_mnv2_0.5_voc21_257.safetensors";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "SKIPPED: no " << file;
  network::Network teacher =
      load_teacher({.model = file.string(), .classes = {"0", "15"}},
                   task::Segmentation(2),
                   {.name = "", .format = "", .classes = {"background", "portrait"}, .palette = {}},
                   at::kCPU);
  const at::NoGradGuard no_grad;
  const network::Tensor logits =
      teacher.logits({at::zeros({1, 3, 65, 65})}, network::Phase::kEvaluation);
  EXPECT_EQ(logits.size(1), 2);
  EXPECT_THAT(error_of([&] {
                load_teacher({.model = file.string(), .classes = {"0", "21"}},
                             task::Segmentation(2),
                             {.name = "", .format = "", .classes = {"a", "b"}, .palette = {}},
                             at::kCPU);
              }),
              HasSubstr("numbers from 0 to 20"));
  EXPECT_THAT(error_of([&] {
                load_teacher({.model = file.string(), .classes = {}},
                             task::Segmentation(2),
                             {.name = "", .format = "", .classes = {"a", "b"}, .palette = {}},
                             at::kCPU);
              }),
              HasSubstr("tells 21 classes apart"));
}

}  // namespace
}  // namespace parsimony::run
