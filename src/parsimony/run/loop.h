// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/core/fields.h"
#include "parsimony/evaluate/evaluator.h"
#include "parsimony/objective/scalarization.h"
#include "parsimony/search/search.h"
#include "parsimony/study/store.h"

namespace parsimony::run {

// Whose turn it is where several searches share a study.
enum class TurnOrder { kInTurns, kOneAfterAnother };
inline constexpr std::array<std::string_view, 2> kTurnOrderNames = {"in_turns",
                                                                    "one_after_another"};

struct LoopOptions {
  std::int64_t trials = 100;  // candidates in all, duplicates and failures included
  double hours = 0;           // stop after this much time in this session; 0: no limit
  int workers = 0;            // candidates at once; 0: one per core
  TurnOrder order = TurnOrder::kInTurns;
  void visit(core::FieldVisitor& v);
};

enum class LoopEnd { kFinished, kInterrupted, kOutOfTime };

// A search and what it maximises. Its place among a study's settings is its name: Trial::setting.
struct Setting {
  objective::Scalarization reward;
  std::unique_ptr<search::Search> search;
  std::vector<objective::Objective> objectives = {};  // for searches of a whole front
};

// The one loop of every study: ask, evaluate, tell, record.
//
// Each step is committed together with the search's state, so a process that dies anywhere loses at
// most the candidates in flight; they are evaluated again, with the same genotypes and seeds, when
// the loop is called again on the same store. With one worker a continued study equals an
// uninterrupted one. A candidate that computes the same network as an earlier one takes over its
// outcome untrained, whichever search proposed it.
//
// Each setting has the same share of the trials, and learns from its own only.
LoopEnd run_loop(const std::vector<Setting>& settings,
                 evaluate::Evaluator& evaluator,
                 study::Store& store,
                 const LoopOptions& options,
                 const core::Context& context);

}  // namespace parsimony::run
