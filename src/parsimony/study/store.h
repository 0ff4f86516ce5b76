// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/study/trial.h"

namespace parsimony::study {

// What changes in a study at one moment. Applied as a whole or not at all.
struct Update {
  std::vector<Trial> trials{};       // new ones, or new content of known ones
  std::vector<FinalModel> models{};  // by trial, likewise
  std::vector<Event> events{};       // appended; their index is given by the store
  // Named blobs: "search", "study.yaml", ...; replaced.
  std::map<std::string, std::string> states{};
};

// Where a study lives: trials, final models, events and the search's state, always consistent with
// each other. Safe to use from several threads and, for implementations on disk, several processes.
//
//   Trial trial = ...;                                 // id 7, attempt 1, worker "host:4711:0"
//   if (!store->commit({.trials = {trial}})) return;   // claimed by somebody else
//   trial.state = TrialState::kDone;
//   trial.outcome = evaluate(...);
//   store->commit({.trials = {trial}, .states = {{"search", search.save()}}});
//
// A claim is lost by a crash, not by its lease: whoever sees it expired (the store has no clock),
// or knows that its holder is dead, takes it over by committing the trial with `attempt` one
// higher.
class Store {
 public:
  virtual ~Store() = default;
  // All or nothing, durable on return. False, and nothing is changed, when a trial of the update is
  // already stored as done or with another attempt number than the update's (or, for a new attempt
  // that takes a claim over, than that number minus one). The same attempt by another worker is
  // rejected too: of two that claim or take over the same trial at once, only the first succeeds.
  //
  // An internal error for what no caller may hand over: a NaN or infinity (but `lease_until` may be
  // infinite), a done trial without outcome or a running one with, a trial named twice.
  virtual bool commit(const Update& update) = 0;
  virtual std::vector<Trial> trials() const = 0;       // by id
  virtual std::vector<FinalModel> models() const = 0;  // by trial
  virtual std::vector<Event> events(std::int64_t after_index) const = 0;
  virtual std::optional<std::string> state(std::string_view name) const = 0;
};

// In memory; for tests and for searches that need no record.
std::unique_ptr<Store> make_memory_store();

// An SQLite file, created when missing (its folder must exist). A user error names the file when it
// is not a study, is of a later version, is damaged, cannot be written, or its disk is full. An
// open store must not be carried over a fork().
std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& file);

}  // namespace parsimony::study
