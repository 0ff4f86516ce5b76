// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/wanted_groups.h"

#include <algorithm>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/objective/scalarization.h"

namespace parsimony::run {

std::vector<std::string> wanted_f1(const StudyOptions& options) {
  std::vector<std::string> read = options.objectives;
  for (const objective::Scalarization& reward : parse_rewards(options)) {
    const std::vector<std::string> names = objective::names_in(reward);
    read.insert(read.end(), names.begin(), names.end());
  }
  std::set<std::string> groups;
  for (const std::string& name : read)
    if (name.starts_with(objective::kF1Of)) groups.insert(name.substr(objective::kF1Of.size()));
  return {groups.begin(), groups.end()};
}

data::ClassGroup group_named(const std::string& name, const data::DatasetInfo& info) {
  std::vector<data::ClassGroup> known = info.groups;
  for (std::size_t c = 0; c < info.classes.size(); ++c)
    known.push_back({info.classes[c], {static_cast<int>(c)}});
  const auto found = std::ranges::find(known, name, &data::ClassGroup::name);
  if (found != known.end()) return *found;
  std::vector<std::string> names;
  for (const data::ClassGroup& group : known) names.push_back(group.name);
  core::throw_user_error(
      "{}{}: data set '{}' has no group or class '{}'; it has {}{}. Groups are declared in its "
      "dataset.json",
      objective::kF1Of,
      name,
      info.name,
      name,
      core::join(names, ", "),
      core::did_you_mean(name, names));
}

std::vector<data::ClassGroup> wanted_groups(const StudyOptions& options,
                                            const data::DatasetInfo& info) {
  std::vector<data::ClassGroup> wanted;
  for (const std::string& name : wanted_f1(options)) wanted.push_back(group_named(name, info));
  return wanted;
}

}  // namespace parsimony::run
