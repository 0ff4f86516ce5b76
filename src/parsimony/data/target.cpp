// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/target.h"

#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::data {

std::string_view name_of(Target target) {
  switch (target) {
    case Target::kClasses:
      return "classes";
    case Target::kDepth:
      return "depth";
    case Target::kPose:
      return "pose";
  }
  core::throw_internal_error("unknown target {}", static_cast<int>(target));
}

std::string text_of(TargetSet targets) {
  std::vector<std::string_view> names;
  for (const Target target : kTargets) {
    if (targets.contains(target)) names.push_back(name_of(target));
  }
  return names.empty() ? "nothing" : core::join(names, " and ");
}

}  // namespace parsimony::data
