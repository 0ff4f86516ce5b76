// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <mutex>

#include "parsimony/study/store.h"
#include "parsimony/study/update_rules.h"

namespace parsimony::study {
namespace {

class MemoryStore final : public Store {
 public:
  bool commit(const Update& update) override {
    require_valid(update);
    const std::lock_guard lock(mutex_);
    for (const Trial& trial : update.trials) {
      const auto known = trials_.find(trial.id);
      if (known == trials_.end()) continue;
      const Trial& held = known->second;
      if (!may_replace({held.state, held.attempt, held.worker}, trial)) return false;
    }
    for (const Trial& trial : update.trials) trials_.insert_or_assign(trial.id, trial);
    for (const FinalModel& model : update.models) models_.insert_or_assign(model.trial, model);
    for (Event event : update.events) {
      event.index = static_cast<std::int64_t>(events_.size()) + 1;
      events_.push_back(std::move(event));
    }
    for (const auto& [name, content] : update.states) states_.insert_or_assign(name, content);
    return true;
  }

  std::vector<Trial> trials() const override {
    const std::lock_guard lock(mutex_);
    return values_of(trials_);
  }

  std::vector<FinalModel> models() const override {
    const std::lock_guard lock(mutex_);
    return values_of(models_);
  }

  std::vector<Event> events(std::int64_t after_index) const override {
    const std::lock_guard lock(mutex_);
    const auto count = static_cast<std::int64_t>(events_.size());
    return {events_.begin() + std::clamp<std::int64_t>(after_index, 0, count), events_.end()};
  }

  std::optional<std::string> state(std::string_view name) const override {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(name);
    if (found == states_.end()) return std::nullopt;
    return found->second;
  }

 private:
  template <typename Map>
  static std::vector<typename Map::mapped_type> values_of(const Map& map) {
    std::vector<typename Map::mapped_type> values;
    values.reserve(map.size());
    for (const auto& [key, value] : map) values.push_back(value);
    return values;
  }

  mutable std::mutex mutex_;
  std::map<TrialId, Trial> trials_;
  std::map<TrialId, FinalModel> models_;
  std::vector<Event> events_;
  std::map<std::string, std::string, std::less<>> states_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store() {
  return std::make_unique<MemoryStore>();
}

}  // namespace parsimony::study
