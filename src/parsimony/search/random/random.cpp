// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/random/random.h"

#include "parsimony/search/state.h"

namespace parsimony::search {

space::Tokens RandomSearch::ask(std::int64_t trial) {
  core::Rng rng = rng_.split("ask").split(static_cast<std::uint64_t>(trial));
  return space::sample(space_, rng);
}

std::string RandomSearch::save() const {
  StateWriter writer(name(), space_);
  writer.integer(static_cast<std::int64_t>(rng_.state()));
  return std::move(writer).finish();
}

void RandomSearch::load(std::string_view state) {
  StateReader reader(state, name(), space_);
  const auto rng_state = static_cast<std::uint64_t>(reader.integer());
  reader.finish();
  rng_ = core::Rng::from_state(rng_state);
}

}  // namespace parsimony::search
