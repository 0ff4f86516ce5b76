// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parsimony/core/context.h"
#include "parsimony/core/fields.h"
#include "parsimony/evaluate/evaluator.h"
#include "parsimony/search/search.h"
#include "parsimony/study/store.h"

namespace parsimony::run {

struct LoopOptions {
  std::int64_t trials = 100;      // candidates in all, duplicates and failures included
  double hours = 0;               // stop after this much time in this session; 0: no limit
  int workers = 0;                // candidates at once; 0: one per core
  std::string reward = "reward";  // the score that the search maximises
  void visit(core::FieldVisitor& v);
};

enum class LoopEnd { kFinished, kInterrupted, kOutOfTime };

// The one loop of every study: ask, evaluate, tell, record.
//
// Each step is committed together with the search's state, so a process that dies anywhere loses at
// most the candidates in flight; they are evaluated again, with the same genotypes and seeds, when
// the loop is called again on the same store. With one worker a continued study equals an
// uninterrupted one. A candidate that computes the same network as an earlier one takes over its
// outcome untrained.
LoopEnd run_loop(search::Search& search,
                 evaluate::Evaluator& evaluator,
                 study::Store& store,
                 const LoopOptions& options,
                 const core::Context& context);

}  // namespace parsimony::run
