// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/remarks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace parsimony::study {
namespace {

// Below these numbers a share says nothing.
constexpr std::size_t kEnoughDone = 10;
constexpr std::size_t kEnoughScored = 5;

bool is_rejected(const Trial& trial) {
  return std::holds_alternative<Pruned>(*trial.outcome) && scores_of(*trial.outcome) == nullptr;
}

// "params from 81234 to 512000, macs from ..."
std::string ranges_of(const std::vector<const Trial*>& trials) {
  std::map<std::string, std::pair<double, double>> ranges;
  for (const Trial* trial : trials) {
    for (const auto& [name, value] : trial->costs) {
      const auto [range, is_new] = ranges.try_emplace(name, value, value);
      range->second.first = std::min(range->second.first, value);
      range->second.second = std::max(range->second.second, value);
    }
  }
  std::string text;
  for (const auto& [name, range] : ranges) {
    text += fmt::format(
        "{}{} from {:.6g} to {:.6g}", text.empty() ? "" : ", ", name, range.first, range.second);
  }
  return text;
}

void remark_on_rejections(const std::vector<const Trial*>& done, std::vector<std::string>& to) {
  std::vector<const Trial*> rejected;
  for (const Trial* trial : done) {
    if (is_rejected(*trial)) rejected.push_back(trial);
  }
  if (done.size() < kEnoughDone || 2 * rejected.size() <= done.size()) return;
  to.push_back(fmt::format(
      "{} {} candidates were rejected before training, the last one because it {}. What the rejected "
      "ones would have cost: {}. Loosen cost.constraints, or search a space with cheaper networks",
      rejected.size() == done.size() ? "All" : fmt::format("{} of", rejected.size()),
      done.size(),
      std::get<Pruned>(*rejected.back()->outcome).why,
      ranges_of(rejected)));
}

void remark_on_failures(const std::vector<const Trial*>& done, std::vector<std::string>& to) {
  std::size_t failed = 0;
  const Failed* last = nullptr;
  for (const Trial* trial : done) {
    if (const auto* failure = std::get_if<Failed>(&*trial->outcome)) {
      ++failed;
      last = failure;
    }
  }
  if (done.size() < kEnoughDone || 2 * failed <= done.size()) return;
  to.push_back(fmt::format("{} of {} candidates failed, the last one: {}{}{}",
                           failed,
                           done.size(),
                           name_of(last->reason),
                           last->message.empty() ? "" : ", ",
                           last->message));
}

void remark_on_objectives(const std::vector<const Trial*>& done,
                          const std::vector<objective::Objective>& objectives,
                          std::vector<std::string>& to) {
  for (const objective::Objective& objective : objectives) {
    std::set<double> values;
    std::set<std::string> networks;
    std::size_t without = 0;
    for (const Trial* trial : done) {
      if (!std::holds_alternative<Scored>(*trial->outcome)) continue;
      networks.insert(trial->canonical_id);
      const auto value = value_of(*trial, objective.name);
      value ? static_cast<void>(values.insert(*value)) : static_cast<void>(++without);
    }
    if (without > 0) {
      to.push_back(fmt::format("{} scored candidates have no {} and take no part in the front",
                               without,
                               objective.name));
    }
    if (networks.size() >= kEnoughScored && values.size() == 1) {
      to.push_back(fmt::format(
          "The objective {} is the same for all {} different networks, {:.6g}: it tells nothing "
          "apart and is left out of the hypervolume",
          objective.name,
          networks.size(),
          *values.begin()));
    }
  }
}

// A device that was away is an estimate among measurements.
void remark_on_estimates(const std::vector<const Trial*>& done, std::vector<std::string>& to) {
  std::map<std::string, std::size_t> estimated;
  for (const Trial* trial : done) {
    for (const auto& [name, value] : trial->costs) {
      if (name.starts_with(kEstimatedOn)) ++estimated[name.substr(kEstimatedOn.size())];
    }
  }
  for (const auto& [device, count] : estimated) {
    to.push_back(fmt::format(
        "The latency on {} of {} of {} candidates was estimated by a model of the device, which did "
        "not answer",
        device,
        count,
        done.size()));
  }
}

}  // namespace

std::vector<std::string> remarks_on(const std::vector<Trial>& trials,
                                    const std::vector<objective::Objective>& objectives) {
  std::vector<const Trial*> done;
  for (const Trial& trial : trials) {
    if (trial.outcome) done.push_back(&trial);
  }
  std::vector<std::string> remarks;
  remark_on_rejections(done, remarks);
  remark_on_failures(done, remarks);
  remark_on_objectives(done, objectives, remarks);
  remark_on_estimates(done, remarks);
  return remarks;
}

}  // namespace parsimony::study
