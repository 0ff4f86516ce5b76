// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/data/synth.h"
#include "parsimony/evaluate/subsample_and_measure.h"
#include "parsimony/supernet/fixtures_for_test.h"
#include "parsimony/train/images.h"

namespace parsimony::evaluate {

// A small supernet, and a few pictures of two sizes.
struct TestSupernet {
  graph::Supernet supernet;
  weights::ArrayMap weights;
  SubsamplePictures pictures;
  int classes = data::kPartCount;
};

inline std::vector<data::Sample> test_samples(std::int64_t count,
                                              std::int64_t side,
                                              std::uint64_t seed) {
  data::SynthOptions synth;
  synth.width = synth.height = side;
  std::vector<data::Sample> samples;
  for (std::int64_t i = 0; i < count; ++i)
    samples.push_back(
        data::synth_portrait(synth, core::Rng(seed).split(static_cast<std::uint64_t>(i))));
  return samples;
}

// Random weights with the statistics of pictures: a network that sees something.
inline const TestSupernet& test_supernet() {
  static const TestSupernet test = [] {
    TestSupernet made;
    made.supernet = graph::deeplab_supernet(supernet::small_mobilenet(), made.classes);
    made.pictures.calibration = {test_samples(3, 64, 1), test_samples(2, 48, 2)};
    made.pictures.validation = {test_samples(3, 64, 3),
                                test_samples(3, 64, 4),
                                test_samples(2, 48, 5),
                                test_samples(1, 64, 6)};
    network::Network network(made.supernet.graph, core::Rng(1), {});
    network.load(supernet::random_weights(made.supernet.graph, core::Rng(2)), "the test");
    train::recalibrate(network, {{train::to_batch(test_samples(6, 64, 7)).pictures}});
    made.weights = network.save();
    return made;
  }();
  return test;
}

}  // namespace parsimony::evaluate
