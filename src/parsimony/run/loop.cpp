// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/loop.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/core/text.h"

namespace parsimony::run {
namespace {

using evaluate::Evaluation;
using study::Trial;
using study::TrialId;

constexpr double kLeaseSeconds = 24 * 3600.0;

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string worker_name() {
  char host[256] = {};
  ::gethostname(host, sizeof(host) - 1);
  return fmt::format("{}:{}", host, ::getpid());
}

// Evaluates trials in its own threads; finished ones come back through `next`.
class Workers {
 public:
  struct Finished {
    Trial trial;
    Evaluation evaluation;
    double seconds = 0;
    std::exception_ptr error;
  };

  Workers(int count, evaluate::Evaluator& evaluator, const core::StopFlag& stop)
      : evaluator_(evaluator), stop_(stop) {
    const bool fills_the_machine = count == core::available_cores();
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, i, fills_the_machine] {
        if (fills_the_machine) core::pin_to_core(i);
        work();
      });
    }
  }
  ~Workers() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_workers_.notify_all();
    threads_.clear();
  }

  void start(Trial trial) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(trial));
      ++in_flight_;
    }
    wake_workers_.notify_one();
  }

  bool has_free() const { return in_flight_ < static_cast<int>(threads_.size()); }
  bool idle() const { return in_flight_ == 0; }

  // Blocks until a trial is finished, at most `patience`.
  std::optional<Finished> next(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!wake_loop_.wait_for(lock, patience, [this] { return !finished_.empty(); }))
      return std::nullopt;
    Finished result = std::move(finished_.front());
    finished_.pop_front();
    --in_flight_;
    return result;
  }

 private:
  void work() {
    for (;;) {
      Finished result;
      {
        std::unique_lock lock(mutex_);
        wake_workers_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        result.trial = std::move(waiting_.front());
        waiting_.pop_front();
      }
      const auto start = std::chrono::steady_clock::now();
      try {
        result.evaluation = evaluator_.evaluate(result.trial.id, result.trial.tokens, stop_);
      } catch (...) {
        result.error = std::current_exception();
      }
      result.seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      {
        const std::lock_guard lock(mutex_);
        finished_.push_back(std::move(result));
      }
      wake_loop_.notify_one();
    }
  }

  evaluate::Evaluator& evaluator_;
  const core::StopFlag& stop_;
  std::mutex mutex_;
  std::condition_variable wake_workers_, wake_loop_;
  std::deque<Trial> waiting_;
  std::deque<Finished> finished_;
  int in_flight_ = 0;  // touched by the loop's thread only
  bool closing_ = false;
  std::vector<std::jthread> threads_;  // last: joined before the rest goes
};

// Under which name the store keeps the state of a setting's search.
std::string state_name(std::size_t setting) {
  return setting == 0 ? "search" : fmt::format("search.{}", setting);
}

class Loop {
 public:
  Loop(const std::vector<Setting>& settings,
       evaluate::Evaluator& evaluator,
       study::Store& store,
       const LoopOptions& options,
       const core::Context& context)
      : settings_(settings),
        evaluator_(evaluator),
        store_(store),
        options_(options),
        context_(context),
        workers_(options.workers > 0 ? options.workers : core::available_cores(),
                 evaluator,
                 context.stop),
        asked_(settings.size(), 0) {
    core::require(!settings.empty(), "a loop without a search");
  }

  LoopEnd run() {
    restore();
    while (!(all_asked() && idle())) {
      if (must_stop() && idle()) break;
      while (may_start()) start_next();
      if (const auto finished = workers_.next(std::chrono::milliseconds(200))) finish(*finished);
      report_progress();
    }
    if (all_asked() && idle()) return LoopEnd::kFinished;
    return context_.stop.requested() ? LoopEnd::kInterrupted : LoopEnd::kOutOfTime;
  }

 private:
  struct Known {
    TrialId trial;
    study::Outcome outcome;
    objective::Scores costs;
  };

  bool all_asked() const { return next_id_ > options_.trials && redo_.empty(); }
  bool idle() const { return workers_.idle(); }
  bool out_of_time() const {
    return options_.hours > 0 && std::chrono::steady_clock::now() - begin_ >
                                     std::chrono::duration<double>(3600 * options_.hours);
  }
  bool must_stop() const { return context_.stop.requested() || out_of_time(); }
  bool may_start() const { return !all_asked() && !must_stop() && workers_.has_free(); }

  // Takes up what an earlier session left: outcomes by network, the search's state, claims to
  // repeat.
  void restore() {
    std::vector<Trial> trials = store_.trials();
    std::vector<const Trial*> done;
    for (const Trial& trial : trials) {
      next_id_ = std::max(next_id_, trial.id + 1);
      core::require(setting_of(trial) < settings_.size(),
                    "trial {} is of setting {}, the study has {}",
                    trial.id,
                    trial.setting,
                    settings_.size());
      ++asked_[setting_of(trial)];
      if (trial.state == study::TrialState::kDone) {
        done.push_back(&trial);
        remember(trial);
        note_reward(trial);
      } else {
        redo_.push_back(trial);
      }
    }
    std::sort(done.begin(), done.end(), [](const Trial* a, const Trial* b) {
      return std::pair(a->started + a->seconds, a->id) < std::pair(b->started + b->seconds, b->id);
    });
    for (const Trial* trial : done) evaluator_.replay(*trial);
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      if (asked_[i] == 0) continue;
      const std::optional<std::string> state = store_.state(state_name(i));
      core::require(state.has_value(), "the study has trials but no state '{}'", state_name(i));
      settings_[i].search->load(*state);
    }
  }

  void start_next() {
    Trial trial = redo_.empty() ? claim_new() : claim_again();
    const evaluate::Prepared prepared = evaluator_.prepare(trial.tokens);
    trial.genotype = prepared.genotype;
    trial.canonical_id = prepared.canonical_id;
    trial.costs = prepared.costs;
    study::Update update;
    update.trials = {trial};
    note_search(trial, update);
    core::require(store_.commit(update), "trial {} is claimed by somebody else", trial.id);

    if (prepared.rejection) {
      complete(trial, {*prepared.rejection, {}, {}}, 0, std::nullopt, prepared.violation);
    } else if (const auto equal = outcomes_.find(trial.canonical_id); equal != outcomes_.end()) {
      take_over(trial, equal->second);
    } else if (in_flight_.contains(trial.canonical_id)) {
      followers_[trial.canonical_id].push_back(trial);
    } else {
      in_flight_.insert(trial.canonical_id);
      workers_.start(trial);
    }
  }

  Trial claim_new() {
    Trial trial;
    trial.id = next_id_++;
    trial.setting = static_cast<int>(next_setting());
    ++asked_[setting_of(trial)];
    trial.tokens = settings_[setting_of(trial)].search->ask(trial.id);
    claim(trial);
    return trial;
  }

  std::size_t next_setting() const {
    if (options_.order == TurnOrder::kInTurns)
      return static_cast<std::size_t>(std::ranges::min_element(asked_) - asked_.begin());
    const auto settings = static_cast<std::int64_t>(settings_.size());
    const std::int64_t share = (options_.trials + settings - 1) / settings;
    const auto first = std::ranges::find_if(asked_, [share](auto asked) { return asked < share; });
    return first == asked_.end() ? settings_.size() - 1
                                 : static_cast<std::size_t>(first - asked_.begin());
  }

  static std::size_t setting_of(const Trial& trial) {
    return static_cast<std::size_t>(trial.setting);
  }

  Trial claim_again() {
    Trial trial = redo_.front();
    redo_.pop_front();
    ++trial.attempt;
    claim(trial);
    return trial;
  }

  static void claim(Trial& trial) {
    trial.worker = worker_name();
    trial.started = now();
    trial.lease_until = trial.started + kLeaseSeconds;
  }

  void finish(const Workers::Finished& finished) {
    if (finished.error) std::rethrow_exception(finished.error);
    const Trial& trial = finished.trial;
    in_flight_.erase(trial.canonical_id);
    const auto* failed = std::get_if<study::Failed>(&finished.evaluation.outcome);
    const bool interrupted =
        failed != nullptr && failed->reason == study::FailureReason::kInterrupted;
    if (interrupted) {
      // It keeps its claim and is not done: this study is unfinished, the next session evaluates it
      // again.
      redo_.push_back(trial);
    } else {
      complete(trial, finished.evaluation, finished.seconds, std::nullopt);
    }
    release_followers(trial, failed == nullptr);
  }

  // Candidates that waited for an equal network take its outcome over, or are evaluated themselves.
  void release_followers(const Trial& leader, bool usable) {
    const auto found = followers_.find(leader.canonical_id);
    if (found == followers_.end()) return;
    const std::vector<Trial> waiting = std::move(found->second);
    followers_.erase(found);
    for (const Trial& trial : waiting) {
      if (usable) {
        take_over(trial, outcomes_.at(trial.canonical_id));
      } else {
        redo_.push_back(trial);
      }
    }
  }

  void complete(Trial trial,
                const Evaluation& evaluation,
                double seconds,
                std::optional<TrialId> same_as,
                double violation = 0) {
    trial.state = study::TrialState::kDone;
    trial.outcome = evaluation.outcome;
    trial.observations = evaluation.observations;
    trial.costs.insert(evaluation.costs.begin(), evaluation.costs.end());
    trial.seconds = seconds;
    trial.same_as = same_as;

    const Setting& setting = settings_[setting_of(trial)];
    search::Feedback feedback{.trial = trial.id, .tokens = trial.tokens, .violation = violation};
    if (const objective::Scores* scores = study::scores_of(*trial.outcome))
      feedback.reward = objective::evaluate(setting.reward, *scores, trial.costs);
    if (!setting.objectives.empty()) feedback.point = study::point_of(trial, setting.objectives);
    setting.search->tell(feedback);

    study::Update update;
    update.trials = {trial};
    note_search(trial, update);
    if (feedback.reward) note_diagnostics(trial, update);
    if (!store_.commit(update)) {
      context_.log.line(
          core::LogLevel::kWarning,
          fmt::format("trial {}: the result came too late, another worker holds its claim",
                      trial.id));
      return;
    }
    remember(trial);
    note_reward(trial);
    if (seconds > 0) ++evaluated_now_;
  }

  void note_search(const Trial& trial, study::Update& update) const {
    const std::size_t setting = setting_of(trial);
    update.states[state_name(setting)] = settings_[setting].search->save();
  }

  void take_over(const Trial& trial, const Known& known) {
    complete(trial, {known.outcome, {}, known.costs}, 0, known.trial);
  }

  // What its search has become by learning from this trial; the report draws it.
  void note_diagnostics(const Trial& trial, study::Update& update) const {
    const auto figures = settings_[setting_of(trial)].search->diagnostics();
    if (figures.empty()) return;
    nlohmann::ordered_json json = {{"trial", trial.id}};
    if (settings_.size() > 1) json["setting"] = trial.setting;
    for (const auto& [name, value] : figures) json[name] = value;
    update.events.push_back({0, now(), "diagnostics", json.dump()});
  }

  void remember(const Trial& trial) {
    if (study::scores_of(*trial.outcome) == nullptr || trial.same_as) return;
    outcomes_.try_emplace(trial.canonical_id, Known{trial.id, *trial.outcome, trial.costs});
  }

  void note_reward(const Trial& trial) {
    ++done_;
    const objective::Scores* scores = study::scores_of(*trial.outcome);
    if (scores == nullptr) return;
    const auto quality = scores->find(settings_[0].reward.quality);
    if (quality != scores->end()) best_ = std::max(best_, quality->second);
  }

  void report_progress() {
    const double hours =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count() / 3600;
    const double rate = hours > 0 ? static_cast<double>(evaluated_now_) / hours : 0;
    const std::string detail = fmt::format(
        "best {} {:.3f}, {:.0f} candidates/h", settings_[0].reward.quality, best_, rate);
    context_.progress.advance(
        {"search", static_cast<double>(done_), static_cast<double>(options_.trials), detail});
  }

  const std::vector<Setting>& settings_;
  evaluate::Evaluator& evaluator_;
  study::Store& store_;
  const LoopOptions& options_;
  const core::Context& context_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();

  TrialId next_id_ = 1;
  std::deque<Trial> redo_;
  std::map<std::string, Known> outcomes_;
  std::set<std::string> in_flight_;
  std::map<std::string, std::vector<Trial>> followers_;
  std::int64_t done_ = 0;
  std::int64_t evaluated_now_ = 0;
  double best_ = 0;  // of the first setting's quality
  Workers workers_;
  std::vector<std::int64_t> asked_;  // trials of each setting
};

}  // namespace

void LoopOptions::visit(core::FieldVisitor& v) {
  v.field("trials", trials, {"candidates in all, duplicates and failures included", 1});
  v.field("hours", hours, {"end a session after this many hours; 0: no limit", 0});
  v.field("workers",
          workers,
          {"candidates evaluated at once, one thread each; 0: one per core", 0, 4096});
  v.choice("order",
           order,
           kTurnOrderNames,
           {"with several rewards: in_turns (a candidate each) or one_after_another"});
}

LoopEnd run_loop(const std::vector<Setting>& settings,
                 evaluate::Evaluator& evaluator,
                 study::Store& store,
                 const LoopOptions& options,
                 const core::Context& context) {
  return Loop(settings, evaluator, store, options, context).run();
}

}  // namespace parsimony::run
