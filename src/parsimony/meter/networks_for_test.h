// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/context.h"
#include "parsimony/meter/subject.h"

namespace parsimony::meter {

// A few layers that take a fraction of a millisecond.
inline graph::Graph small_network() {
  using graph::Section;
  graph::Graph g;
  const auto x = g.add(graph::Input{3, 1}, {}, Section::kEncoder, "picture");
  const auto stem = g.add(graph::Conv{3, 8, 3, 2, 1}, {x}, Section::kEncoder, "stem");
  const auto norm = g.add(graph::BatchNorm{8}, {stem}, Section::kEncoder, "norm");
  const auto relu = g.add(graph::Relu{}, {norm}, Section::kEncoder, "relu");
  const auto logits =
      g.add(graph::Conv{8, 4, 1, 1, 0, 1, 1, true}, {relu}, Section::kDecoder, "classifier");
  g.outputs = {{"logits", logits}};
  return g;
}
inline Subject small_subject() {
  return Subject::untrained(small_network(), {32, 48});
}

// Says nothing, stops when told.
struct TestContext {
  core::SilentLog log;
  core::SilentProgress progress;
  core::StopFlag stop;
  core::Context context{log, progress, stop};
};

}  // namespace parsimony::meter
