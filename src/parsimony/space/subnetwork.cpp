// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/subnetwork.h"

#include <fmt/ranges.h>

#include "parsimony/space/list_reader.h"

namespace parsimony::space {
namespace {

constexpr int kMostChoices = 1000;

}  // namespace

Subnetwork parse_subnetwork(std::string_view text) {
  ListReader reader(text, "[c,c,...]");
  Subnetwork subnetwork;
  reader.expect('[');
  if (!reader.accept(']')) {
    do {
      subnetwork.choices.push_back(reader.code(kMostChoices, "choice", "choices"));
    } while (reader.accept(','));
    reader.expect(']');
  }
  reader.expect_end();
  return subnetwork;
}

std::string to_text(const Subnetwork& subnetwork) {
  return fmt::format("[{}]", fmt::join(subnetwork.choices, ","));
}

}  // namespace parsimony::space
